#include "slurm/queue/job_records.hpp"

#include <charconv>
#include <cmath>
#include <ctime>
#include <string_view>

namespace trireme::slurm {
namespace {

constexpr std::size_t kColumns = 9;
constexpr std::int64_t kMost = 100'000'000;  // CPUs of a job; more is no number of Slurm's

// Calls visit() with each part of `text` between separators.
template <typename Visit>
void for_each_part(std::string_view text, char separator, Visit visit) {
  while (true) {
    const std::size_t end = text.find(separator);
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// "2026-11-30T14:00:00"; "Unknown", "None" and "" are 0.
double seconds_of(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || *end != '\0') return 0;
  parts.tm_isdst = -1;
  return std::max(0.0, static_cast<double>(std::mktime(&parts)));
}

std::string local_time(double seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

std::optional<JobRecord> parse_line(std::string_view line) {
  std::string_view cells[kColumns];
  std::size_t count = 0;
  for_each_part(line, '|', [&](std::string_view cell) {
    if (count < kColumns) cells[count] = cell;
    ++count;
  });
  if (count != kColumns || cells[0].empty() || cells[2].empty()) return std::nullopt;
  JobRecord record;
  record.id = cells[0];
  record.cluster = cells[1];
  record.user = cells[2];
  record.account = cells[3];
  record.eligible = seconds_of(cells[5]);
  if (record.eligible == 0) record.eligible = seconds_of(cells[4]);
  record.started = seconds_of(cells[6]);
  record.ended = seconds_of(cells[7]);
  record.cpus = allocated(std::string(cells[8]), "cpu");
  record.gpus = allocated(std::string(cells[8]), "gres/gpu");
  return record;
}

}  // namespace

std::vector<std::string> job_records_command(double since) {
  // "env -u": the question is about this cluster, whatever SLURM_CLUSTERS names.
  return {"env",
          "-u",
          "SLURM_CLUSTERS",
          "sacct",
          "--allusers",
          "--allocations",
          "--duplicates",
          "--noheader",
          "--parsable2",
          "--starttime=" + local_time(since),
          std::string("--format=") + kJobRecordFormat};
}

std::vector<JobRecord> parse_job_records(const std::string& answer) {
  std::vector<JobRecord> records;
  for_each_part(answer, '\n', [&](std::string_view line) {
    if (auto record = parse_line(line)) records.push_back(std::move(*record));
  });
  return records;
}

std::int64_t allocated(const std::string& resources, const std::string& resource) {
  std::int64_t whole = 0, by_type = 0;
  for_each_part(resources, ',', [&](std::string_view item) {
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view name = item.substr(0, equals), text = item.substr(equals + 1);
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size() || value < 0 || value > kMost) return;
    if (name == resource) whole = value;
    if (name.starts_with(resource + ":")) by_type = std::min(kMost, by_type + value);
  });
  return whole > 0 ? whole : by_type;
}

}  // namespace trireme::slurm
