#include "slurm/queue/job_list.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/own_file.hpp"
#include "slurm/queue/asker_lock.hpp"
#include "slurm/queue/queue.hpp"

namespace trireme::slurm {
namespace {

// "id|state|reason|time left|name|directory". The directory is last, since it may contain the separator.
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
  return QueuedJob{fields[0], fields[1], fields[2], fields[3], fields[5], fields[4]};
}

/// Makes the cache's directory. Returns whether it belongs to this user alone; answers that somebody else may have
/// written there do not count.
bool has_own_directory(base::FileSystem& files, const std::filesystem::path& cache) {
  if (cache.empty()) return false;
  try {
    files.create_directories(cache.parent_path().parent_path());
    files.create_private_directory(cache.parent_path());
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && stopped == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

// Whether `list` ("1,5-9,12-20:4,...") holds the task.
bool holds(std::string_view list, std::int64_t task) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    if (item == "...") return true;
    const std::size_t colon = item.find(':'), dash = item.find('-');
    const std::string_view range = item.substr(0, colon);
    const auto first = whole_number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : whole_number(range.substr(dash + 1));
    const auto step =
        colon == std::string_view::npos ? std::optional<std::int64_t>(1) : whole_number(item.substr(colon + 1));
    if (first && last && step && *step > 0 && *first <= task && task <= *last && (task - *first) % *step == 0)
      return true;
  }
  return false;
}

constexpr std::string_view kJobListPrefix = "squeue.";

constexpr const char* kNoAnswerKept = "no answer\n";

// The cache file: its first line has seconds since the epoch and the cluster's name; after it comes squeue's answer, or
// that there was none.
struct Kept {
  double asked = 0;
  std::string cluster;
  std::string answer;
};

std::optional<Kept> read_kept(base::FileSystem& files, const std::filesystem::path& cache) {
  try {
    if (cache.empty() || !files.exists(cache)) return std::nullopt;
    const std::string content = base::read_own(files, cache, base::Trust::kOwner);
    const std::size_t newline = content.find('\n');
    if (newline == std::string::npos) return std::nullopt;
    Kept kept;
    std::istringstream(content.substr(0, newline)) >> kept.asked >> kept.cluster;
    kept.answer = content.substr(newline + 1);
    return kept;
  } catch (const base::Error&) {  // also for a file that somebody else put there
    return std::nullopt;
  }
}

// Accepts an answer from a node whose clock is a little ahead; a clock that is far ahead is wrong.
bool is_fresh(const std::optional<Kept>& kept, double now, double seconds) {
  return kept && std::abs(now - kept->asked) < seconds;
}

void write_kept(base::FileSystem& files, const std::filesystem::path& cache, const Kept& kept) {
  if (cache.empty()) return;
  try {
    char asked[32];
    std::snprintf(asked, sizeof asked, "%.3f", kept.asked);
    files.replace(cache, base::str(asked, " ", kept.cluster, "\n", kept.answer));
  } catch (const base::Error&) {
    // The next call asks again.
  }
}

// The file that one process at a time locks (asker_lock.hpp).
constexpr std::string_view kLockEnding = ".lock";

// Answers of clusters that nobody asked for a day, such as devclusters that are gone, and their locks. The lock goes
// first: what is left after a kill between the two is found again.
void remove_old_answers(base::FileSystem& files, const std::filesystem::path& cache, double now) {
  constexpr double kDay = 86400;
  if (cache.empty()) return;
  try {
    const auto names = files.list(cache.parent_path());
    for (const std::string& name : names) {
      if (!name.starts_with(kJobListPrefix) || name == cache.filename() || name.ends_with(kLockEnding)) continue;
      const auto kept = read_kept(files, cache.parent_path() / name);
      if (!kept || now - kept->asked < kDay) continue;
      const std::string lock = name + std::string(kLockEnding);
      if (std::ranges::count(names, lock) != 0) files.remove(cache.parent_path() / lock);
      files.remove(cache.parent_path() / name);
    }
  } catch (const base::Error&) {
    // Another process removed it, or nobody may: the next call tries again.
  }
}

std::optional<JobList> list_of(const Kept& kept) {
  if (kept.answer == kNoAnswerKept) return std::nullopt;
  return JobList{parse_job_list(kept.answer), kept.cluster, kept.asked};
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

bool stands_for(const std::string& listed, const std::string& id) {
  if (listed == id) return true;
  const std::size_t bracket = listed.find("_["), close = listed.rfind(']'), task_at = id.find('_');
  if (bracket == std::string::npos || close == std::string::npos || task_at != bracket) return false;
  if (listed.compare(0, bracket, id, 0, task_at) != 0) return false;
  const auto task = whole_number(std::string_view(id).substr(task_at + 1));
  const std::string_view inside = std::string_view(listed).substr(bracket + 2, close - bracket - 2);
  return task && holds(inside.substr(0, inside.find('%')), *task);
}

const QueuedJob* find_job(const std::vector<QueuedJob>& jobs, const std::string& id) {
  for (const QueuedJob& job : jobs) {
    if (stands_for(job.id, id)) return &job;
  }
  return nullptr;
}

std::string job_list_name(const std::string& cluster, const std::string& host, const std::string& slurm_conf) {
  std::string name = !cluster.empty() ? cluster : slurm_conf.empty() ? "on " + host : host + " " + slurm_conf;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-') c = '_';
  }
  constexpr std::size_t kLongest = 200;
  return std::string(kJobListPrefix) + name.substr(name.size() - std::min(name.size(), kLongest));
}

std::optional<JobList> my_jobs(base::FileSystem& files, const RunCommand& run, const std::filesystem::path& place,
                               const std::string& cluster, double now, double seconds) {
  const std::filesystem::path cache = has_own_directory(files, place) ? place : std::filesystem::path();
  const auto start = std::chrono::steady_clock::now();
  auto kept = read_kept(files, cache);
  if (is_fresh(kept, now, seconds)) return list_of(*kept);
  const AskerLock lock(cache);
  kept = read_kept(files, cache);  // the last holder of the lock has asked in the meantime
  if (is_fresh(kept, now, seconds)) return list_of(*kept);
  const auto result = run(job_list_command());
  if (!result) return std::nullopt;
  // The answer's freshness counts from now: waiting for it, and for the lock, may have taken seconds.
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
  Kept asked{now + waited.count(), cluster, result->exit_code == 0 ? result->output : kNoAnswerKept};
  if (asked.cluster.empty() && kept) asked.cluster = kept->cluster;  // the cluster's name does not change
  if (asked.cluster.empty() && result->exit_code == 0) asked.cluster = cluster_name(run, "");
  write_kept(files, cache, asked);
  remove_old_answers(files, cache, asked.asked);
  return list_of(asked);
}

}  // namespace trireme::slurm
