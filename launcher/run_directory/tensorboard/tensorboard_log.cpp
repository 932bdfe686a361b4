#include "launcher/run_directory/tensorboard/tensorboard_log.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"
#include "launcher/run_directory/tensorboard/event.hpp"
#include "launcher/run_directory/tensorboard/event_record.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;

constexpr std::string_view kBegin = "events.out.tfevents.", kEnd = ".trireme";
constexpr std::size_t kDigits = 15;  // 0000000001.0000

std::string file_name(int attempt, int part) {
  char name[64];
  std::snprintf(name, sizeof name, "%s%010d.%04d%s", kBegin.data(), attempt, part, kEnd.data());
  return name;
}

bool is_event_file(std::string_view name) {
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || name.size() != file_name(1, 1).size()) return false;
  return std::ranges::all_of(name.substr(kBegin.size(), kDigits),
                             [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

// Oldest first.
std::vector<Path> event_files(base::FileSystem& files, const Path& directory) {
  std::vector<Path> found;
  for (const std::string& name : files.list(directory)) {
    if (is_event_file(name)) found.push_back(directory / name);
  }
  return found;
}

// The part that the next file of the attempt will be.
int next_part(base::FileSystem& files, const Path& directory, int attempt) {
  int part = 0;
  for (const Path& path : event_files(files, directory)) {
    while (path.filename() >= file_name(attempt, part) && path.filename() < file_name(attempt + 1, 0)) ++part;
  }
  return part;
}

// Cuts a file at its first event of a later step, or damage. Returns the last event with values that stays, "" = none.
std::string cut_file(base::FileSystem& files, const Path& path, std::int64_t last_step) {
  const auto file = files.open_own(path, base::OpenMode::kReadWrite);
  std::string last;
  std::uint64_t end = 0;
  EventReader reader(*file);
  for (EventRecord record; reader.next(record);) {
    if (record.summary && record.step > last_step) break;
    if (record.summary) last = record.event;
    end = record.end;
  }
  if (end < file->size()) {
    file->truncate(end);
    file->sync();
  }
  return last;
}

// Returns the last event that stays. Steps ascend from file to file, so the newest one in which some stay ends it.
std::string cut_files(base::FileSystem& files, const Path& directory, std::int64_t last_step) {
  std::vector<Path> paths = event_files(files, directory);
  std::ranges::reverse(paths);
  std::string last;
  bool removed = false;
  for (const Path& path : paths) {
    last = cut_file(files, path, last_step);
    if (!last.empty()) break;
    files.remove(path);
    removed = true;
  }
  if (removed) files.sync_directory(directory);  // one that came back after a loss of power would be taken for whole
  return last;
}

std::string last_event_of_lines(base::FileSystem& files, const Path& metrics) {
  std::string event;
  if (!files.exists(metrics)) return event;
  const auto file = files.open_own(metrics, base::OpenMode::kRead);
  base::for_each_line_backwards(*file, [&](std::string_view text) {
    const base::Json line = parse_metrics_line(text);
    if (line.is_object()) event = metrics_event(line);
    return event.empty();
  });
  return event;
}

}  // namespace

TensorboardLog::TensorboardLog(base::FileSystem& files, Path directory, std::int64_t last_step, int attempt)
    : files_(files), directory_(std::move(directory)), attempt_(attempt) {
  begin(last_step);
}

void TensorboardLog::begin(std::int64_t last_step) {
  const int part = next_part(files_, directory_, attempt_);
  const std::string last = cut_files(files_, directory_, last_step);
  const bool anew = last != last_event_of_lines(files_, directory_ / "metrics.jsonl");
  if (anew) cut_files(files_, directory_, -1);
  file_ = files_.open_own(directory_ / file_name(attempt_, part), base::OpenMode::kCreate);
  end_ = 0;
  const double now = base::wall_time();
  write(event_record(file_version_event(now)));
  // Readers that stay open drop what they have of these steps. Most take no notice of a run's first such event.
  write(event_record(start_event(now, anew ? 0 : last_step + 1)));
  if (anew) write_all_lines();
}

void TensorboardLog::write_all_lines() {
  const auto file = files_.open_own(directory_ / "metrics.jsonl", base::OpenMode::kRead);
  base::LineReader lines(*file);
  std::string bytes;
  for (base::Line line; lines.next(line);) {
    const base::Json json = line.whole ? parse_metrics_line(line.text) : base::Json();
    const std::string event = json.is_object() ? metrics_event(json) : "";
    if (!event.empty()) bytes += event_record(event);
    if (bytes.size() < base::kLongestLine) continue;
    write(bytes);
    bytes.clear();
  }
  write(bytes);
}

void TensorboardLog::write(const std::string& bytes) {
  file_->pwrite(bytes.data(), bytes.size(), end_);
  end_ += bytes.size();
}

void TensorboardLog::append(const base::Json& line) {
  const std::string event = metrics_event(line);
  if (!event.empty()) write(event_record(event));
}

void TensorboardLog::cut_after(std::int64_t step) {
  file_->close();
  begin(step);
}

void cut_tensorboard(base::FileSystem& files, const Path& directory, std::int64_t last_step) {
  cut_files(files, directory, last_step);
}

}  // namespace trireme::launcher
