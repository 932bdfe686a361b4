#include "launcher/supervisor/supervise.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/free_ports.hpp"
#include "base/json.hpp"
#include "base/own_program.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/program_text.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/run_directory/program_metrics.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/supervisor/child.hpp"
#include "launcher/supervisor/launch.hpp"
#include "launcher/supervisor/program_outcome.hpp"
#include "launcher/supervisor/program_processes.hpp"
#include "launcher/supervisor/program_ranks.hpp"
#include "launcher/supervisor/stop_watch.hpp"
#include "slurm/job/start_reason.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

// GPUs of a node that Slurm gave the job; 0 outside one.
int gpus_of_node() { return std::atoi(slurm::environment_variable("SLURM_GPUS_ON_NODE").value_or("0").c_str()); }

class Supervisor {
 public:
  Supervisor(base::FileSystem& files, base::SignalThread& signals, const options::RunOptions& options,
             const ProgramPlacement& placement, const base::Log& log)
      : files_(files),
        signals_(signals),
        options_(options),
        placement_(placement),
        log_(log),
        path_(std::filesystem::absolute(options.run.dir).lexically_normal()),
        command_(options::program_command(options.program)),
        stop_(files, signals, options, job_, log),
        run_(
            files, path_, job_, [this] { return stop_.asked_already(); }, log) {}

  int run();

 private:
  void clear_the_way();
  void read_progress();
  void keep_saved_step();
  void begin();
  // Writes the end down and returns the exit code.
  int end(const slurm::Outcome& outcome);
  Path stop_file() const { return path_ / "logs" / str("stop.", run_.attempt()); }
  slurm::AttemptStart describe() const;
  AttemptRecord describe_for_record() const;
  Launch launch(int port) const;
  void watch(Child& child);
  void look(Child& child, double now);
  void ask_to_stop(const std::string& reason, double now);
  void look_for_save_request(double now);
  void look_at_ended_ranks(Child& child, double now);
  void count_unsaved(const slurm::Outcome& outcome);

  base::FileSystem& files_;
  base::SignalThread& signals_;
  const options::RunOptions& options_;
  const ProgramPlacement& placement_;
  const base::Log& log_;
  const slurm::JobEnvironment job_ = slurm::read_job_environment();
  const Path path_;
  const std::string command_;
  StopWatch stop_;
  RunDirectory run_;
  std::unique_ptr<ProgramRanks> ranks_;  // from the launch on
  std::unique_ptr<MetricsFollower> metrics_;
  std::int64_t first_step_ = 0;
  bool says_saved_ = false;  // the program told what it saved, 0 included
  bool resumes_ = false;
  bool all_done_ = false;  // the program saved its last step, as it said
  double began_ = 0;
  double saved_ = 0;  // when the program last said that it saved, or when the attempt began
  double looked_ = 0;
  std::string reason_;  // why it was asked to stop
  double deadline_ = 0;
  bool killed_ = false;
  double asked_ = 0;  // when it was
  bool save_sent_ = false;
  ProgramEnd end_;
};

void Supervisor::clear_the_way() {
  if (stop_.asked_already()) throw base::Stopped("stopped before the program began");
  const bool elsewhere = job_.in_job() && !run_.attempts().empty();
  if (const int left = kill_leftovers_on(placement_.hosts, path_.string(), elsewhere); left > 0) {
    log_.warn(str("killed ", left, " process(es) that an earlier attempt of the run left"));
  }
  clear_rank_end(files_, path_, run_.attempt());
}

void Supervisor::read_progress() {
  const ProgramProgress said = program_progress(files_, path_ / "metrics.jsonl");
  says_saved_ = said.saved_step.has_value();
  first_step_ = said.saved_step.value_or(0);
  all_done_ = said.steps && first_step_ >= *said.steps;
  resumes_ = said.saved_step ? *said.saved_step > 0 : !run_.attempts().empty();
}

void Supervisor::begin() {
  run_.begin(describe(), options::to_ini(options::lasting(options_)),
             says_saved_ ? MetricsWriter::kSavingProgram : MetricsWriter::kProgram);
  append_record(files_, path_, describe_for_record());
  keep_saved_step();
  metrics_ = std::make_unique<MetricsFollower>(files_, path_ / "metrics.jsonl");
  began_ = saved_ = base::wall_time();
}

// A program that saves beside its steps may have said what it saved in a line of a later step, which has moved away.
void Supervisor::keep_saved_step() {
  const Path file = path_ / "metrics.jsonl";
  if (first_step_ == 0 || program_progress(files_, file).saved_step == first_step_) return;
  const std::string line = base::to_line({{"saved_step", first_step_}}) + '\n';
  const auto metrics = files_.open_own(file, base::OpenMode::kAppend);
  metrics->pwrite(line.data(), line.size(), metrics->size());
  metrics->sync();
}

slurm::AttemptStart Supervisor::describe() const {
  slurm::AttemptStart start;
  start.run_id = run_.run_id();
  start.reason = slurm::start_reason(run_.attempts(), job_, run_.killed_reason());
  start.job_id = job_.job_id;
  start.cluster = run_.cluster();
  start.restart_count = job_.restart_count;
  start.partition = job_.partition;
  start.layout = placement_.launcher == "none" ? "program" : str(placement_.launcher, " x ", placement_.ranks());
  start.hosts = placement_.hosts;
  const int gpus = gpus_of_node();
  start.gpus = gpus > 0;
  start.ranks = static_cast<int>(gpus > 0 ? gpus * std::ssize(placement_.hosts) : placement_.ranks());
  start.first_step = first_step_;
  start.time = base::wall_time();
  start.start_up_seconds = run_.age();
  return start;
}

AttemptRecord Supervisor::describe_for_record() const {
  const slurm::AttemptStart& start = run_.attempts().back().start;
  AttemptRecord record = record_of_here();
  record.attempt = run_.attempt();
  record.options = options::to_ini(options::lasting(options_));
  record.layout = start.layout;
  record.ranks = static_cast<int>(placement_.ranks());
  record.ranks_per_node = static_cast<int>(placement_.ranks_per_node);
  record.device = start.gpus ? "cuda" : "cpu";
  record.first_step = first_step_;
  record.from = resumes_ ? "its own checkpoint" : "scratch";
  record.hosts = placement_.hosts;
  record.directory = path_.string();
  return record;
}

// The environment of every process of the program, besides what its launcher gives it (docs/program.md).
Launch Supervisor::launch(int port) const {
  Launch launch;
  launch.attempt = run_.attempt();
  launch.token = run_.token();
  launch.launcher = placement_.launcher;
  launch.command = command_;
  launch.run_directory = path_.string();
  auto& environment = launch.environment;
  environment = {{"TRIREME_RUN_DIR", path_.string()},
                 {"TRIREME_ATTEMPT", std::to_string(run_.attempt())},
                 {"TRIREME_RESUME", resumes_ ? "1" : "0"},
                 {"TRIREME_SEED", std::to_string(options_.run.seed)},
                 {"TRIREME_STOP_SIGNAL", options_.program.stop_signal},
                 {"TRIREME_SAVE_SIGNAL", options_.program.save_signal},
                 {"TRIREME_STOP_SECONDS", std::to_string(options_.program.stop_seconds)},
                 {"TRIREME_STOP_FILE", stop_file().string()}};
  if (const auto end = stop_.job_end()) environment["TRIREME_END_TIME"] = str(static_cast<std::int64_t>(*end));
  if (options_.run.pause_at > 0) environment["TRIREME_PAUSE_AT"] = std::to_string(options_.run.pause_at);
  if (placement_.launcher == "mpirun" || placement_.launcher == "srun") {  // torchrun sets its own
    environment["MASTER_ADDR"] = placement_.hosts.front();
    environment["MASTER_PORT"] = std::to_string(port);
  }
  for (const auto& [name, value] : options::parse_parameters(options_.program.params)) {
    environment["TRIREME_PARAM_" + name] = value;
  }
  return launch;
}

int Supervisor::run() {
  try {
    clear_the_way();
    read_progress();
    if (options_.run.pause_at > 0 && first_step_ >= options_.run.pause_at && !all_done_) {
      return end({base::kExitStopped, str("paused at step ", first_step_), first_step_, first_step_, false});
    }
    begin();
    const int port = base::free_ports(1).front();
    const Launch launched = launch(port);
    write_launch(files_, launched);
    ranks_ = std::make_unique<ProgramRanks>(placement_, launched, job_.in_job(), log_);
    log_.info("program   " + command_);
    log_.info(str("attempt   ", run_.attempt(), ", ", run_.attempts().back().start.reason,
                  resumes_ ? str("; goes on", first_step_ > 0 ? str(" from step ", first_step_) : "") : ""));
    {
      Child child(start_words(placement_, base::own_program().string(), launch_file(path_, run_.attempt()).string(),
                              run_.token(), port));
      signals_.on_signal([&](int) { child.nudge(); });
      try {
        watch(child);
      } catch (...) {
        signals_.on_signal(nullptr);
        child.kill();
        ranks_->kill();
        throw;
      }
      signals_.on_signal(nullptr);
    }
    metrics_->look();
    end_.rank = final_rank_end(files_, path_, run_.attempt());
    // A signal and the program's end may have come together.
    if (reason_.empty() && signals_.received() != 0) reason_ = stop_.look(base::wall_time(), metrics_->progress());
    end_.progress = metrics_->progress();
    const int code = end_.rank ? end_.rank->exit_code : end_.launcher_code;
    // A program may pause by itself at the step at which it would be asked to.
    if (reason_.empty() && code == base::kExitStopped) reason_ = stop_.pause(end_.progress);
    const bool unfinished = end_.progress.steps && end_.progress.step.value_or(0) < *end_.progress.steps;
    end_.stop_reason = stop_.final_reason(reason_, code, unfinished);
    end_.launcher = placement_.launcher;
    end_.killed = killed_;
    end_.stop_seconds = options_.program.stop_seconds;
    end_.come_back = stop_.come_back();
    end_.first_step = first_step_;
    const slurm::Outcome outcome = program_outcome(end_);
    count_unsaved(outcome);
    return end(outcome);
  } catch (const std::exception& error) {
    slurm::Progress progress;
    progress.step = first_step_;
    progress.saved_step = first_step_;
    run_.fail(error, progress);
    throw;
  }
}

int Supervisor::end(const slurm::Outcome& outcome) {
  run_.end(outcome);
  std::string steps;
  if (end_.progress.step) {
    steps = str(": step ", outcome.step, end_.progress.steps ? str(" of ", *end_.progress.steps) : "");
  }
  log_.info(outcome.reason + steps);
  if (outcome.exit_code == base::kExitFailed || outcome.exit_code == base::kExitBadInput) {
    base::print_failure(outcome.reason);
  }
  return outcome.exit_code;
}

void Supervisor::watch(Child& child) {
  constexpr std::chrono::milliseconds kLook(200);
  for (;;) {
    if (const auto code = child.wait_for(kLook)) {
      end_.launcher_code = *code;
      return;
    }
    look(child, base::wall_time());
  }
}

void Supervisor::look(Child& child, double now) {
  constexpr double kPeriod = 1;  // file systems may be shared and slow
  if (now - looked_ >= kPeriod || now < looked_) {
    looked_ = now;
    run_.keep_lease();
    const auto before = metrics_->progress().saved_step;
    if (metrics_->look() && metrics_->progress().saved_step != before) {
      saved_ = now;
      if (save_sent_) {
        stop_.requests().save_made();
        ranks_->sent();
      }
      save_sent_ = false;
    }
    look_for_save_request(now);
    look_at_ended_ranks(child, now);
  }
  if (reason_.empty()) {
    if (const std::string why = stop_.look(now, metrics_->progress()); !why.empty()) ask_to_stop(why, now);
  } else if (now < deadline_) {
    ranks_->send(signal_number(options_.program.stop_signal), Reach::kTargets, now);  // to those that only start
  } else if (!killed_) {
    killed_ = true;
    log_.warn(
        str("the program still runs ", format_duration(now - asked_), " after it was asked to stop: it is killed"));
    child.kill();  // first: the job may have seconds left
    ranks_->kill();
  }
}

void Supervisor::look_at_ended_ranks(Child& child, double now) {
  if (placement_.launcher == "none") return;
  const auto end = read_rank_end(files_, path_, run_.attempt());
  if (!end) return;
  // mpirun can outlive its ranks: when it has a grace for SIGTERM, or when one of its daemons died.
  if (placement_.launcher == "mpirun" && ranks_->gone(now)) {
    child.kill();
  } else if (end->exit_code == base::kExitStopped && reason_.empty()) {
    // The others may wait for it in a collective. Slurm's own notice may have reached it and not this process.
    const std::string paused = stop_.pause(metrics_->progress());
    if (paused.empty()) stop_.ask_about_preemption();
    ask_to_stop(!paused.empty() ? paused : str(slurm::kLeftByItself, ", rank ", end->rank, " first"), now);
  }
}

void Supervisor::ask_to_stop(const std::string& reason, double now) {
  constexpr double kLeaving = 5;  // for the outcome and the batch script
  reason_ = reason;
  asked_ = now;
  deadline_ = now + static_cast<double>(options_.program.stop_seconds);
  if (const auto end = stop_.job_end()) deadline_ = std::max(now + 1, std::min(deadline_, *end - kLeaving));
  log_.info(str(reason, ": the program gets SIG", options_.program.stop_signal, " and ",
                format_duration(deadline_ - now), " to save and end"));
  try {
    files_.replace(stop_file(),
                   base::to_line({{"reason", reason}, {"deadline", deadline_}, {"seconds", deadline_ - now}}) + '\n');
  } catch (const base::Error& error) {
    log_.warn(str("the program cannot read how long it has: ", error.what()));
  }
  ranks_->send(signal_number(options_.program.stop_signal), Reach::kTargets, now);
}

void Supervisor::look_for_save_request(double now) {
  if (!stop_.requests().save_asked() || !reason_.empty() || save_sent_) return;
  const int signal = signal_number(options_.program.save_signal);
  if (signal == 0) {
    log_.warn("somebody asked for a checkpoint (trireme save), but program.save_signal is none: nothing was done");
    stop_.requests().save_made();
    return;
  }
  // One that is only starting would be ended by it.
  save_sent_ = ranks_->send(signal, Reach::kCatching, now);
}

// A program that says nothing of its saves is believed when it ends in order.
void Supervisor::count_unsaved(const slurm::Outcome& outcome) {
  const double now = base::wall_time();
  const bool in_order = outcome.exit_code == base::kExitDone || outcome.exit_code == base::kExitStopped;
  const bool says = end_.progress.saved_step.has_value();
  const bool all_saved = outcome.exit_code == base::kExitDone || (says && outcome.saved_step >= outcome.step) ||
                         (!says && in_order && !killed_);
  run_.set_unsaved(all_saved ? 0.0 : now - saved_);
}

}  // namespace

int supervise(base::FileSystem& files, base::SignalThread& signals, const options::RunOptions& options,
              const ProgramPlacement& placement, const base::Log& log) {
  return Supervisor(files, signals, options, placement, log).run();
}

ProgramPlacement local_placement(const options::RunOptions& options) {
  ProgramPlacement placement;
  placement.launcher = options.program.launcher;
  placement.ranks_per_node = std::max<std::int64_t>(1, options.slurm.ranks_per_node);
  placement.hosts = {this_node()};
  if (placement.launcher == "srun") {
    throw base::InputError(
        "program.launcher = srun works inside a job that trireme submit made; here take mpirun, torchrun or none");
  }
  if (placement.launcher == "mpirun")
    placement.prefix = {"mpirun", "-n", std::to_string(placement.ranks_per_node), "--bind-to", "none"};
  if (placement.launcher == "torchrun") placement.hosts = {"localhost"};
  return placement;
}

}  // namespace trireme::launcher
