#include "launcher/report/report_data.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "launcher/report/run_json.hpp"
#include "launcher/report/sweep_json.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/sweep/sweep_directory.hpp"
#include "launcher/sweep/sweep_file.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

constexpr std::size_t kMostBuckets = 1500;
constexpr std::size_t kLeastBuckets = 100;
constexpr std::size_t kBucketsOfPage = 20000;  // of one field's curves together
constexpr unsigned kMostThreads = 8;

struct NamedRun {
  Path path;
  std::string name;
};

bool is_sweep(base::FileSystem& files, const Path& path) { return files.exists(sweep_log(path)); }

Path without_slash(const Path& path) {
  const Path normal = std::filesystem::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

// The last parts of a path, at least one; all of them when it has fewer.
std::string last_parts(const Path& path, std::size_t parts) {
  std::string name = path.filename().string();
  Path above = path.parent_path();
  for (std::size_t i = 1; i < parts && above.has_filename(); ++i, above = above.parent_path()) {
    name = str(above.filename().string(), "/", name);
  }
  return name;
}

// Runs of one name are told apart by as many directories above them as it takes.
std::vector<NamedRun> named(const std::vector<Path>& paths) {
  std::map<std::string, std::set<Path>> same{{"", {}}};
  for (const Path& path : paths) same[""].insert(without_slash(path));
  std::map<Path, std::string> names;
  for (std::size_t parts = 1; !same.empty(); ++parts) {
    std::map<std::string, std::set<Path>> rest;
    for (const auto& group : same) {
      for (const Path& path : group.second) rest[last_parts(path, parts)].insert(path);
    }
    std::erase_if(rest, [&](const auto& group) {
      if (group.second.size() > 1) return false;
      names[*group.second.begin()] = group.first;
      return true;
    });
    same = std::move(rest);
  }
  std::vector<NamedRun> runs;
  for (const Path& path : paths) runs.push_back({path, names.at(without_slash(path))});
  return runs;
}

std::vector<RunJson> read_runs(base::FileSystem& files, const std::vector<NamedRun>& runs, double now) {
  std::vector<RunJson> read(runs.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      try {
        read[i] = read_run_json(files, runs[i].path, runs[i].name, buckets_for(runs.size()), now);
      } catch (const std::exception& error) {
        read[i].problems.push_back(base::printable(runs[i].name + ": " + error.what()));
      }
    }
  };
  const std::size_t threads =
      std::clamp<std::size_t>(runs.size(), 1, std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads));
  std::vector<std::jthread> pool;
  for (std::size_t i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  pool.clear();  // waits for all
  return read;
}

void check_paths(base::FileSystem& files, const std::vector<Path>& paths) {
  for (const Path& path : paths) {
    if (!files.exists(path)) throw base::InputError(str("there is no run directory ", path.string()));
    if (is_sweep(files, path)) {
      if (paths.size() > 1) {
        throw base::InputError(str(path.string(),
                                   " is a sweep: a report shows one sweep alone, or runs; its trials are "
                                   "runs: ",
                                   (path / "trial_0").string(), " …"));
      }
    } else if (!is_run_directory(files, path) && !files.exists(path / "metrics.jsonl")) {
      throw base::InputError(str(path.string(),
                                 " is no run directory: it holds no metrics.jsonl, run.ini, attempts.jsonl or lease; "
                                 "name the runs in it: ",
                                 (path / "*").string()));
    }
  }
}

void join(const std::vector<RunJson>& runs, ReportData& report) {
  report.json += ",\"runs\":[";
  bool first = true;
  for (const RunJson& run : runs) {
    report.lines += run.lines;
    report.problems.insert(report.problems.end(), run.problems.begin(), run.problems.end());
    if (run.text.empty()) continue;
    if (!first) report.json += ',';
    first = false;
    report.json += run.text;
    ++report.runs;
  }
  report.json += "],\"problems\":" + base::Json(report.problems).dump() + "}";
}

ReportData sweep_report(base::FileSystem& files, const Path& path, base::Json head, double now) {
  const SweepState state = read_sweep(files, path);
  if (!state.begun()) throw base::InputError(str(sweep_log(path).string(), " holds no sweep"));
  const auto shown = trials_to_show(state, kMostTrials);
  std::vector<NamedRun> trials;
  for (const std::size_t trial : shown) {
    trials.push_back({trial_directory(path.string(), trial), str("trial ", trial)});
  }
  const std::vector<RunJson> runs = read_runs(files, trials, now);
  std::vector<TrialUse> uses(state.trials.size());
  for (std::size_t i = 0; i < shown.size(); ++i) uses[shown[i]] = {runs[i].device_seconds, runs[i].gpus};
  ReportData report;
  report.title = base::printable(state.header.name);
  head["title"] = report.title;
  head["sweep"] = sweep_json(state, uses);
  head["sweep"]["shown"] = shown;
  report.json = head.dump(-1, ' ', false, base::Json::error_handler_t::replace);
  report.json.pop_back();
  join(runs, report);
  return report;
}

}  // namespace

std::size_t buckets_for(std::size_t runs) {
  return std::clamp(kBucketsOfPage / std::max<std::size_t>(1, runs), kLeastBuckets, kMostBuckets);
}

ReportData read_report(base::FileSystem& files, const std::vector<Path>& paths, double now) {
  check_paths(files, paths);
  base::Json head = {{"made", now}};
  if (is_sweep(files, paths.front())) return sweep_report(files, paths.front(), std::move(head), now);
  const std::vector<NamedRun> runs = named(paths);
  ReportData report;
  report.title = runs.size() == 1 ? base::printable(runs.front().name) : str(runs.size(), " runs");
  head["title"] = report.title;
  report.json = head.dump(-1, ' ', false, base::Json::error_handler_t::replace);
  report.json.pop_back();
  join(read_runs(files, runs, now), report);
  return report;
}

}  // namespace trireme::launcher
