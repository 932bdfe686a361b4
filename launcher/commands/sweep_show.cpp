// trireme sweep status | best | stop: of a sweep that was begun.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/submission/queue.hpp"
#include "launcher/submission/resubmission.hpp"
#include "launcher/sweep/job_worker.hpp"
#include "launcher/sweep/parked_jobs.hpp"
#include "launcher/sweep/sweep_directory.hpp"
#include "launcher/sweep/sweep_file.hpp"
#include "launcher/sweep/sweep_jobs.hpp"
#include "launcher/sweep/sweep_report.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

constexpr double kQueueAge = slurm::kQueueSeconds;

/// The command line of status, best or stop, and the sweep directory that it names.
struct DirectoryLine {
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line;

  DirectoryLine(const std::string& name, const char* summary)
      : line("sweep " + name, summary, str("trireme sweep ", name, " sweeps/lr")) {
    line.positionals("DIR", words, "the sweep's directory", 1, 1);
  }

  /// Nothing when only --help was asked for.
  std::optional<Path> parse(const Arguments& arguments, base::FileSystem& files) {
    if (!line.parse(arguments)) return std::nullopt;
    if (!files.exists(sweep_log(words[0]))) {
      throw base::InputError(str(words[0], " is no directory of a sweep: it holds no sweep.jsonl"));
    }
    Path path = Path(words[0]).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
  }
};

SweepState read_begun(base::FileSystem& files, const Path& path) {
  SweepState state = read_sweep(files, path);
  if (!state.begun()) {
    throw base::InputError(str(sweep_log(path).string(), " holds no sweep: start one with trireme sweep run FILE"));
  }
  return state;
}

// My jobs, when the sweep had any: from an answer of the queue that is at most so many seconds old.
std::optional<slurm::JobList> queue_of_sweep(base::FileSystem& files, const Path& path, double seconds) {
  return files.exists(path / kBatchScript) ? my_queue(files, seconds) : std::nullopt;
}

// Jobs that wait would end as soon as they start.
std::vector<slurm::QueuedJob> cancel_waiting(const std::vector<slurm::QueuedJob>& jobs) {
  std::vector<slurm::QueuedJob> cancelled;
  for (const slurm::QueuedJob& job : jobs) {
    if (!job.pending()) continue;
    const auto done = slurm::run_command({"scancel", "--state=PENDING", tasks_for_scancel(job.id)});
    if (done && done->exit_code == 0) cancelled.push_back(job);
  }
  return cancelled;
}

}  // namespace

int sweep_status_command(const Arguments& arguments) {
  DirectoryLine command("status", "the trials of a sweep: parameters, state, step, metric");
  command.line.flag("json", command.json, "one JSON object instead of a table");
  base::PosixFileSystem files;
  const auto path = command.parse(arguments, files);
  if (!path) return base::kExitDone;
  SweepState state = read_begun(files, *path);
  const auto queue = queue_of_sweep(files, *path, kQueueAge);
  show_lost_trials(files, *path, life_in_queue(real_sweep_world().life, this_worker(), queue), state);
  const auto jobs = queue ? jobs_of_sweep(queue->jobs, state.header) : std::vector<slurm::QueuedJob>();
  const LiveSteps live = read_live(files, *path, state);
  const bool stopped = slurm::find_request(files, *path, slurm::Wish::kStop).has_value();
  if (command.json) {
    base::answer_json({{"name", state.header.name},
                       {"metric", state.header.metric},
                       {"rungs", state.header.plan.rungs},
                       {"stop_asked", stopped},
                       {"jobs", jobs_json(jobs, state.parked)},
                       {"steps_done", steps_done(state)},
                       {"full_steps", state.header.steps() * static_cast<std::int64_t>(state.trials.size())},
                       {"trials", trials_json(state, live)}});
    return base::kExitDone;
  }
  base::answer_text(trials_table(state, live));
  base::answer("");
  base::answer(progress_text(state));
  base::answer(price_paid_text(state));
  if (!jobs.empty()) base::answer_text("\n" + jobs_text(jobs, state.parked));
  if (stopped) base::answer("somebody asked the sweep to stop: trireme sweep run FILE goes on");
  return base::kExitDone;
}

int sweep_best_command(const Arguments& arguments) {
  std::int64_t top = 1;
  DirectoryLine command("best", "the best trials of a sweep so far");
  command.line.value("top", top, "N", "how many").range(1, 1e6);
  command.line.flag("json", command.json, "one JSON object instead of a table");
  base::PosixFileSystem files;
  const auto path = command.parse(arguments, files);
  if (!path) return base::kExitDone;
  const SweepState state = read_begun(files, *path);
  auto best = best_trials(state);
  if (best.empty()) throw base::Error(str("no trial of ", path->string(), " has a result yet"));
  best.resize(std::min(best.size(), static_cast<std::size_t>(top)));
  if (command.json) {
    const base::Json all = trials_json(state, {});
    base::Json rows = base::Json::array();
    for (const std::size_t trial : best) {
      rows.push_back(all.at(trial));
      rows.back()["run_directory"] = trial_directory(path->string(), trial);
    }
    base::answer_json({{"metric", state.header.metric}, {"best", rows}});
    return base::kExitDone;
  }
  base::answer_text(best_table(state, best.size()));
  if (!seed_groups(state).empty()) base::answer_text("\n" + seeds_table(state));
  base::answer("");
  base::answer(str("run file  ", trial_directory(path->string(), best[0]), "/trial.ini"));
  return base::kExitDone;
}

int sweep_stop_command(const Arguments& arguments) {
  DirectoryLine command("stop", "asks a sweep to save its running trials and end");
  base::PosixFileSystem files;
  const auto path = command.parse(arguments, files);
  if (!path) return base::kExitDone;
  slurm::leave_request(files, *path, slurm::Wish::kStop, slurm::user_name(), base::wall_time());
  base::answer("running trials save at the end of their step and end; no other one starts");
  if (const auto queue = queue_of_sweep(files, *path, 0)) {
    const auto cancelled = cancel_waiting(jobs_of_sweep(queue->jobs, read_begun(files, *path).header));
    const std::size_t count = cancelled.size();
    if (count > 0) {
      base::answer(str(count, count == 1 ? " job" : " jobs", " in the queue cancelled"));
      SweepDirectory(files, *path, real_sweep_world()).change([&](const SweepState& state) {
        return unparked_events(state, cancelled, base::wall_time());
      });
    }
  } else if (files.exists(*path / kBatchScript)) {
    base::print_warning(
        "squeue does not answer: jobs of the sweep that wait in the queue are not cancelled; call trireme sweep stop "
        "again");
  }
  base::answer("to go on later: trireme sweep run FILE");
  return base::kExitDone;
}

}  // namespace trireme::launcher
