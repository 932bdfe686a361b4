// trireme sweep run: many runs from one file, on this machine or as Slurm jobs (sweep_submit).
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/commands/sweep_submit.hpp"
#include "launcher/options/ini_text.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/sweep/local_trials.hpp"
#include "launcher/sweep/pool.hpp"
#include "launcher/sweep/sweep_file.hpp"
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

}  // namespace

int sweep_command(const Arguments& arguments) {
  return options::run_subcommand("sweep",
                                 "trireme sweep run lr.ini --dry-run\ntrireme sweep run lr.ini\ntrireme sweep status "
                                 "sweeps/lr\ntrireme sweep best sweeps/lr",
                                 {{"run", "runs trials here or as Slurm jobs, or goes on with them", run_command},
                                  {"status", "the trials: parameters, state, step, metric", sweep_status_command},
                                  {"best", "the best trials so far", sweep_best_command},
                                  {"stop", "saves the running trials and ends the sweep", sweep_stop_command}},
                                 arguments);
}

}  // namespace trireme::launcher
