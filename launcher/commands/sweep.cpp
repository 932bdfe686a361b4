// trireme sweep run | status | best | stop: many runs from one file.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/own_file.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/commands/sweep_submit.hpp"
#include "launcher/options/ini_text.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/submission/queue.hpp"
#include "launcher/submission/resubmission.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/sweep/job_worker.hpp"
#include "launcher/sweep/local_trials.hpp"
#include "launcher/sweep/pool.hpp"
#include "launcher/sweep/sweep_file.hpp"
#include "launcher/sweep/sweep_jobs.hpp"
#include "launcher/sweep/sweep_report.hpp"
#include "launcher/sweep/sweep_start.hpp"
#include "launcher/sweep/worker_share.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/submit/batch_script.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

constexpr double kQueueAge = slurm::kQueueSeconds;

struct RunLine {
  bool dry_run = false, retry = false, json = false, local = false, submit = false;
  std::int64_t workers = 0, ranks = 0, max_running = 0;
  std::string site;
  options::CommandLine line;
  options::RunArguments run;

  RunLine()
      : line("sweep run",
             "runs the trials of a sweep, on this machine or as Slurm jobs; called again it goes on, and elsewhere it "
             "helps",
             "trireme sweep run lr.ini --dry-run\ntrireme sweep run lr.ini\ntrireme sweep run lr.ini --local --workers "
             "4\ntrireme sweep run lr.ini --max-running 16 --train.steps=500"),
        run((declare(), line), options::Listing::kAside) {}

 private:
  void declare() {
    line.flag("dry-run", dry_run, "print the trials, the price and the batch script, and start nothing");
    line.flag("json", json, "with --dry-run: one JSON object instead of tables");
    line.flag("local", local, "run the trials on this machine, although the file has a [slurm] section");
    line.flag("submit", submit, "submit them, although it has none, or from within a job");
    line.value("max-running", max_running, "N", "as Slurm jobs: trials at a time; 0: 8, or fewer if there are fewer")
        .range(0, 1e6);
    line.value("workers", workers, "N", "here: trials at a time; 0: as many as this machine's GPUs or CPUs take")
        .range(0, 4096);
    line.value("ranks", ranks, "R", "here: ranks of a trial, under mpirun when above 1; 0: 1").range(0, 4096);
    line.flag("retry", retry, "take failed trials again");
    options::declare_site(line, site, "whose billing weights give the price");
  }
};

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

/// The pace of an earlier run of this name, or of a trial of this sweep.
KnownPace known_pace(base::FileSystem& files, const SweepFile& file, std::size_t trials) {
  std::vector<std::string> runs{"runs/" + file.settings.name};
  if (!file.base.run.name.empty()) runs.push_back("runs/" + file.base.run.name);
  for (std::size_t i = 0; i < trials && files.exists(file.settings.dir); ++i) {
    runs.push_back(trial_directory(file.settings.dir, i));
  }
  for (const std::string& run : runs) {
    if (!files.exists(Path(run) / "attempts.jsonl")) continue;
    const RunFacts facts = read_run(files, run);
    const auto pace = slurm::last_pace(facts.attempts);
    if (!pace || pace->seconds_per_step <= 0) continue;
    return {pace->seconds_per_step, pace->ranks, facts.attempts.back().start.gpus, run};
  }
  return {};
}

std::optional<double> billing_per_hour(const std::string& named, const options::RunOptions& base) {
  const auto file = options::find_site_file(named, slurm::environment_variable);
  if (!file) return std::nullopt;
  const slurm::Site site = options::load_site_file(*file);
  try {
    const auto geometry = slurm::plan_geometry(base.slurm, site);
    return slurm::billing_per_hour(geometry, slurm::requested_partition(base.slurm, site), site.billing_takes_largest);
  } catch (const base::InputError&) {
    return std::nullopt;  // the file asks nothing of this site: it is a sweep at a desk
  }
}

// What training would refuse is refused here, for every trial, before anything starts.
void check_trials(base::FileSystem& files, const std::vector<SweepTrial>& trials, std::int64_t ranks) {
  const bool gpus = !parts_of_this_machine().devices.empty();
  for (const SweepTrial& trial : trials) {
    const bool cuda = gpus && trial.options.train.device != "cpu";
    try {
      (void)check_run(files, trial.options, ranks, cuda);
    } catch (const base::InputError& error) {
      throw base::InputError(str("trial ", trial.number, ": ", error.what()));
    }
  }
}

void say_line(const std::string& line) {
  base::answer(line);
  base::finish_answers();
}

int end_of_sweep(const SweepState& state, const std::string& again, bool over) {
  if (!over) {
    say_line(progress_text(state));
    say_line("stopped; to go on: " + again);
    return base::kExitStopped;
  }
  constexpr std::size_t kShown = 5;
  say_line("");
  base::answer_text(best_table(state, kShown));
  if (!seed_groups(state).empty()) base::answer_text("\n" + seeds_table(state));
  base::answer("");
  base::answer(progress_text(state));
  base::answer(price_paid_text(state));
  if (best_trials(state).empty())
    throw base::Error("no trial of the sweep has a result: the table of trireme sweep status says why");
  return base::kExitDone;
}

// Processes that a trial starts, each of which wants a CPU or a GPU.
std::size_t processes_of_trial(const options::RunOptions& base, std::int64_t ranks) {
  if (!base.program.given()) return static_cast<std::size_t>(ranks);
  const bool one = base.program.launcher == "none";
  return one ? 1 : static_cast<std::size_t>(std::max<std::int64_t>(1, base.slurm.ranks_per_node));
}

// Whether the trials become jobs: of a file that says what a job asks for, where there is a Slurm to ask and this is no
// job of it.
bool goes_to_slurm(const RunLine& command, const SweepFile& file) {
  if (command.local && command.submit) throw base::InputError("--local and --submit exclude each other: give one");
  const bool in_job = slurm::read_job_environment().in_job();
  const auto slurm_here = [] { return slurm::run_command({"sbatch", "--version"}).has_value(); };
  const bool submits = command.submit || (!command.local && file.asks_slurm && !in_job && slurm_here());
  if (submits && (command.workers > 0 || command.ranks > 0)) {
    throw base::InputError(str("--", command.workers > 0 ? "workers" : "ranks", " is for trials on this machine, and ",
                               command.run.file(), " asks for Slurm jobs: give --max-running, slurm.nodes and ",
                               "slurm.ranks_per_node, or --local"));
  }
  if (!submits && command.max_running > 0) {
    throw base::InputError(
        "--max-running is for Slurm jobs, and the trials run on this machine: give --workers, or "
        "--submit");
  }
  return submits;
}

// The command that goes on with the sweep: the words that count every time.
std::string again_text(const RunLine& command) {
  std::string text = "trireme sweep run " + slurm::shell_word(command.run.file());
  if (command.local) text += " --local";
  if (command.submit) text += " --submit";
  if (command.ranks > 0) text += str(" --ranks ", command.ranks);
  for (const auto& [key, value] : command.run.overrides()) {
    text += " " + slurm::shell_word(str("--", key, "=", value));
  }
  return text;
}

/// Calls an action at each stop signal after the first.
class SecondSignal {
 public:
  SecondSignal(base::SignalThread& signals, std::function<void()> action) : signals_(signals) {
    signals_.on_signal([this, action = std::move(action)](int) {
      if (++seen_ > 1) action();
    });
  }
  SecondSignal(const SecondSignal&) = delete;
  SecondSignal& operator=(const SecondSignal&) = delete;
  ~SecondSignal() { signals_.on_signal(nullptr); }

 private:
  base::SignalThread& signals_;
  int seen_ = 0;  // only the thread that takes the signals uses it
};

int run_here(base::FileSystem& files, const RunLine& command, const SweepFile& file,
             const std::vector<SweepTrial>& trials, KnownPace pace, const SweepStart& start) {
  const std::int64_t ranks = std::max<std::int64_t>(1, command.ranks);
  if (ranks > 1 && file.base.program.given()) {
    throw base::InputError(
        "--ranks is for Trireme's own training: a program's ranks are program.launcher and "
        "slurm.ranks_per_node of the run file");
  }
  const SweepState planned = planned_state(file, trials, ranks, std::filesystem::current_path().string());
  pace.billing_per_hour = billing_per_hour(command.site, file.base);
  check_trials(files, trials, ranks);
  print_sweep_plan(planned, pace, command.json);
  if (command.dry_run) return base::kExitDone;
  base::finish_answers();

  base::SignalThread signals;
  SweepDirectory sweep(files, file.settings.dir, real_sweep_world());
  start_sweep(files, sweep, file, trials, planned, start);
  const std::size_t workers = command.workers > 0
                                  ? static_cast<std::size_t>(command.workers)
                                  : default_workers(parts_of_this_machine(), processes_of_trial(file.base, ranks));
  LocalTrials local(files, planned.header, workers);
  const SecondSignal second(signals, [&] { local.kill(); });
  base::answer("");
  say_line(str("running ", workers, workers == 1 ? " trial" : " trials",
               " at a time; Ctrl-C saves and ends, a second one kills; what trials print is in ", sweep.path().string(),
               "/trial_N/logs/sweep.log"));
  SweepPool pool(sweep, {[&](const Advice& advice, std::size_t worker) { return local.run(advice, worker); },
                         [&] { local.stop(); }, [&](std::size_t trial) { say_line(start_text(sweep.read(), trial)); },
                         [&](std::size_t trial) { say_line(end_text(sweep.read(), trial)); },
                         [](const std::string& sentence) { base::print_warning(sentence); }});
  const auto stop_requested = [&] {
    if (signals.received() != 0) return true;
    try {
      return slurm::find_request(files, sweep.path(), slurm::Wish::kStop).has_value();
    } catch (const base::Error&) {
      return false;  // a file system that does not answer just now asks for nothing
    }
  };
  const bool over = pool.run(workers, stop_requested);
  return end_of_sweep(sweep.read(), again_text(command), over);
}

int run_command(const Arguments& arguments) {
  RunLine command;
  if (!command.line.parse(arguments)) return base::kExitDone;
  if (command.json && !command.dry_run)
    throw base::InputError("--json goes with --dry-run; trireme sweep status has it too");
  base::PosixFileSystem files;
  const std::string& path = command.run.file();
  const SweepFile file = load_sweep_file(path, command.run.overrides());
  const bool submits = goes_to_slurm(command, file);
  const std::vector<SweepTrial> trials = make_trials(file);
  const KnownPace pace = known_pace(files, file, trials.size());
  const SweepStart start{options::read_ini_file(path, "sweep's file"), command.run.overrides(), command.retry};
  if (!submits) return run_here(files, command, file, trials, pace, start);
  return submit_sweep(files, {file, trials, again_text(command), command.site, command.max_running, command.dry_run,
                              command.json, pace, start});
}

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

int status_command_of_sweep(const Arguments& arguments) {
  DirectoryLine command("status", "the trials of a sweep: parameters, state, step, metric");
  command.line.flag("json", command.json, "one JSON object instead of a table");
  base::PosixFileSystem files;
  const auto path = command.parse(arguments, files);
  if (!path) return base::kExitDone;
  SweepState state = read_begun(files, *path);
  const auto queue = queue_of_sweep(files, *path, kQueueAge);
  show_lost_trials(files, *path, gone_in_queue(real_sweep_world().gone, this_worker(), queue), state);
  const auto jobs = queue ? jobs_of_sweep(queue->jobs, state.header) : std::vector<slurm::QueuedJob>();
  const LiveSteps live = read_live(files, *path, state);
  const bool stopped = slurm::find_request(files, *path, slurm::Wish::kStop).has_value();
  if (command.json) {
    base::answer_json({{"name", state.header.name},
                       {"metric", state.header.metric},
                       {"rungs", state.header.plan.rungs},
                       {"stop_asked", stopped},
                       {"jobs", jobs_json(jobs)},
                       {"steps_done", steps_done(state)},
                       {"full_steps", state.header.steps() * static_cast<std::int64_t>(state.trials.size())},
                       {"trials", trials_json(state, live)}});
    return base::kExitDone;
  }
  base::answer_text(trials_table(state, live));
  base::answer("");
  base::answer(progress_text(state));
  base::answer(price_paid_text(state));
  if (!jobs.empty()) base::answer_text("\n" + jobs_text(jobs));
  if (stopped) base::answer("somebody asked the sweep to stop: trireme sweep run FILE goes on");
  return base::kExitDone;
}

int best_command(const Arguments& arguments) {
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

// Jobs that wait would end as soon as they start.
std::size_t cancel_waiting(const std::vector<slurm::QueuedJob>& jobs) {
  std::size_t cancelled = 0;
  for (const slurm::QueuedJob& job : jobs) {
    if (!job.pending()) continue;
    const auto done = slurm::run_command({"scancel", "--state=PENDING", tasks_for_scancel(job.id)});
    if (done && done->exit_code == 0) ++cancelled;
  }
  return cancelled;
}

int stop_sweep_command(const Arguments& arguments) {
  DirectoryLine command("stop", "asks a sweep to save its running trials and end");
  base::PosixFileSystem files;
  const auto path = command.parse(arguments, files);
  if (!path) return base::kExitDone;
  slurm::leave_request(files, *path, slurm::Wish::kStop, slurm::user_name(), base::wall_time());
  base::answer("running trials save at the end of their step and end; no other one starts");
  if (const auto queue = queue_of_sweep(files, *path, 0)) {
    const std::size_t cancelled = cancel_waiting(jobs_of_sweep(queue->jobs, read_begun(files, *path).header));
    if (cancelled > 0) base::answer(str(cancelled, cancelled == 1 ? " job" : " jobs", " in the queue cancelled"));
  }
  base::answer("to go on later: trireme sweep run FILE");
  return base::kExitDone;
}

}  // namespace

int sweep_command(const Arguments& arguments) {
  return options::run_subcommand("sweep",
                                 "trireme sweep run lr.ini --dry-run\ntrireme sweep run lr.ini\ntrireme sweep status "
                                 "sweeps/lr\ntrireme sweep best sweeps/lr",
                                 {{"run", "runs trials here or as Slurm jobs, or goes on with them", run_command},
                                  {"status", "the trials: parameters, state, step, metric", status_command_of_sweep},
                                  {"best", "the best trials so far", best_command},
                                  {"stop", "saves the running trials and ends the sweep", stop_sweep_command}},
                                 arguments);
}

}  // namespace trireme::launcher
