#include "slurm/queue/job_list.hpp"

#include <cstdlib>
#include <sstream>
#include <string>

#include "base/error.hpp"
#include "base/own_file.hpp"
#include "slurm/queue/duration.hpp"

namespace trireme::slurm {
namespace {

// "id|state|reason|time left|name|directory": the directory is last, since it may hold the separator.
constexpr int kFields = 6;

std::optional<QueuedJob> parse_line(const std::string& line) {
  std::string fields[kFields];
  std::size_t begin = 0;
  for (int i = 0; i < kFields; ++i) {
    const std::size_t end = i + 1 < kFields ? line.find('|', begin) : line.size();
    if (end == std::string::npos) return std::nullopt;
    fields[i] = line.substr(begin, end - begin);
    begin = end + 1;
  }
  if (fields[0].empty() || fields[1].empty()) return std::nullopt;
  QueuedJob job{fields[0], fields[1], fields[2], -1, fields[5], fields[4]};
  if (const auto left = parse_duration(fields[3])) job.time_left = static_cast<double>(*left);
  return job;
}

/// Whether the cache's directory is this user's alone: somebody else's answers are not the queue's. Makes it.
bool has_own_directory(base::FileSystem& files, const std::filesystem::path& cache) {
  try {
    files.create_directories(cache.parent_path().parent_path());
    files.create_private_directory(cache.parent_path());
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

// The cache: seconds since the epoch on the first line, squeue's answer after it.
std::optional<std::string> fresh_answer(base::FileSystem& files, const std::filesystem::path& cache, double now,
                                        double seconds) {
  try {
    if (!files.exists(cache)) return std::nullopt;
    const std::string content = base::read_own(files, cache, base::Trust::kOwner);
    const std::size_t newline = content.find('\n');
    if (newline == std::string::npos) return std::nullopt;
    const double age = now - std::atof(content.substr(0, newline).c_str());
    if (age < 0 || age >= seconds) return std::nullopt;
    return content.substr(newline + 1);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

void keep_answer(base::FileSystem& files, const std::filesystem::path& cache, double now, const std::string& answer) {
  try {
    files.replace(cache, base::str(static_cast<long long>(now), "\n", answer));
  } catch (const base::Error&) {
    // The next call asks again.
  }
}

}  // namespace

std::vector<std::string> job_list_command() {
  return {"squeue", "--me", "--noheader", "--array", "--format=%i|%T|%r|%L|%j|%Z"};
}

std::vector<QueuedJob> parse_job_list(const std::string& answer) {
  std::vector<QueuedJob> jobs;
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    if (auto job = parse_line(line)) jobs.push_back(std::move(*job));
  }
  return jobs;
}

const QueuedJob* find_job(const std::vector<QueuedJob>& jobs, const std::string& id) {
  for (const QueuedJob& job : jobs) {
    if (job.id == id) return &job;
  }
  return nullptr;
}

std::optional<std::vector<QueuedJob>> my_jobs(base::FileSystem& files, const RunCommand& run,
                                              const std::filesystem::path& cache, double now, double seconds) {
  const bool keeps = has_own_directory(files, cache);
  if (const auto kept = keeps ? fresh_answer(files, cache, now, seconds) : std::nullopt) return parse_job_list(*kept);
  const auto answer = output_of(run, job_list_command());
  if (!answer) return std::nullopt;
  if (keeps) keep_answer(files, cache, now, *answer);
  return parse_job_list(*answer);
}

}  // namespace trireme::slurm
