// trireme job trial: what the batch script of a sweep asks before each trial and after the last one (docs/sweeps.md).
#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/submission/job_time.hpp"
#include "launcher/submission/queue.hpp"
#include "launcher/sweep/job_worker.hpp"
#include "launcher/sweep/parked_jobs.hpp"
#include "launcher/sweep/sweep_directory.hpp"
#include "launcher/sweep/sweep_file.hpp"
#include "launcher/sweep/sweep_report.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

struct Line {
  std::vector<std::string> words;
  std::int64_t process = 0, taken = 0, shape = -1, last = -1, code = 0, before = -1, queue_seconds = 60;
  std::string ended = "end", exclude;
  bool parks = false, requeue = false, leaving = false;
  options::CommandLine line;

  Line()
      : line("job trial", "takes a sweep's next trial: lines for the batch script, a sentence for its log",
             "trireme job trial sweeps/lr --process $$ --requeue") {
    line.positionals("DIR", words, "the sweep's directory", 1, 1);
    line.value("process", process, "PID", "of the batch script").required().range(1, 1e9);
    line.value("taken", taken, "K", "trials that the script took since it started").range(0, 1e9);
    line.value("shape", shape, "N", "take trials of this shape only").range(0, 1e6);
    line.value("last", last, "N", "the trial before").range(0, 1e6);
    line.value("ended", ended, "WORD", "what trireme job next said after it").one_of({"end", "requeue", "resubmit"});
    line.value("code", code, "CODE", "and the exit code that it said").range(0, 255);
    line.value("before", before, "N", "and the attempts that it had when the script got it").range(0, 1e9);
    line.value("exclude", exclude, "HOSTS", "and the nodes that a new job excludes");
    line.value("queue-seconds", queue_seconds, "S", "between two questions to the queue").range(0, 86400);
    line.flag("parks", parks, "the job waits in the queue when there is nothing for it");
    line.flag("requeue", requeue, "the job may be requeued");
    line.flag("leaving", leaving, "the job was asked to end: take no other trial");
  }

  bool leaves() const { return leaving || ended != "end"; }
};

// Whether this job has too little time left to bring another trial forward. The first trial of a
// job is always worth a try: a requeue would bring no more time.
bool time_is_over(base::FileSystem& files, const Line& command, const Path& sweep) {
  if (command.taken == 0) return false;
  const double now = base::wall_time();
  const auto end = current_job_end(now);
  if (!end) return false;
  const Path trial = trial_directory(sweep.string(), static_cast<std::size_t>(std::max<std::int64_t>(0, command.last)));
  const options::RunOptions options = options::load_run_file((trial / "trial.ini").string());
  return *end - now < needed_seconds(options, slurm::read_attempts(files, trial / "attempts.jsonl"));
}

std::optional<LastTrial> last_trial(const Line& command) {
  if (command.last < 0) return std::nullopt;
  return LastTrial{static_cast<std::size_t>(command.last), seen_end(command.ended, static_cast<int>(command.code)),
                   command.before < 0 ? std::nullopt : std::optional(static_cast<int>(command.before))};
}

// The queue, where other jobs have trials or are to take those that wait, or this one `ends` and does not come back.
std::optional<slurm::JobList> queue_of(base::FileSystem& files, const SweepState& state, const SweepWorker& self,
                                       const Wanted& wanted, bool ends, double seconds) {
  const bool others = std::ranges::any_of(state.trials, [&](const TrialRecord& trial) {
    const bool asks_itself = trial.claim && trial.claim->worker.machine == self.machine;
    return trial.claim && !(trial.claim->worker.job == "local" && asks_itself) && !same_job(trial.claim->worker, self);
  });
  return others || ends || !shapes_with_work(state, wanted.shape).empty() ? my_queue(files, seconds) : std::nullopt;
}

void print(const WorkerStep& step, const Advice& advice) {
  if (step.word == "run") {
    base::answer_text(str("run\n", advice.trial, "\n", advice.run_file, "\n", advice.run_directory, "\n",
                          advice.until_step, "\n", advice.attempts, "\n"));
    return;
  }
  base::print_note("trireme job: " + step.why);
  base::answer_text(str(step.word, "\n", step.exit_code, "\n", base::printable(step.exclude), "\n"));
}

// What becomes of the trial before, in words for the log.
void tell_of_last(const Line& command, const SweepState& state) {
  if (command.last < 0 || command.last >= std::ssize(state.trials)) return;
  base::print_note("trireme job: " + end_text(state, static_cast<std::size_t>(command.last)));
}

// Parked jobs that somebody cancelled take no trials any more.
void forget_jobs(SweepDirectory& sweep, const std::vector<SweepWorker>& gone) {
  if (gone.empty()) return;
  std::vector<base::Json> events;
  for (const SweepWorker& job : gone) {
    base::print_warning(str("job ", job.job, ", which waited for trials of the sweep, is gone from the queue"));
    events.push_back(unparked_event(job, base::wall_time()));
  }
  sweep.change([&](const SweepState&) { return events; });
}

// Asks the sweep, and sees to the parked jobs: those that get work are released, and all are cancelled when it is done.
Advice ask(SweepDirectory& sweep, const Line& command, const SweepWorker& self, Wanted wanted, const SweepWorld& world,
           const std::optional<slurm::JobList>& queue, WorkerSituation& situation) {
  Advice advice = sweep.advance(self, last_trial(command), wanted);
  tell_of_last(command, sweep.read());
  const ReleasedJobs released = release_jobs(advice.called, self, slurm::run_command);
  forget_jobs(sweep, released.gone);
  if (advice.kind == Advice::Kind::kWait) {
    if (released.all) {
      situation.attendance = released.some
                                 ? Attendance::kAttended
                                 : attendance(sweep.read(), self, wanted.shape, world.life, queue, world.now());
    }
    if (command.parks && situation.attendance != Attendance::kUnknown && advice.why.empty()) {
      wanted.parks = true;
      advice = sweep.advance(self, std::nullopt, wanted);
    }
  }
  if (advice.kind == Advice::Kind::kDone) {
    const SweepState state = sweep.read();
    situation.parked_jobs = !cancel_jobs(state.header.name, state.parked, self, slurm::run_command);
  }
  return advice;
}

}  // namespace

int job_trial_command(const Arguments& arguments) {
  Line command;
  if (!command.line.parse(arguments)) return base::kExitDone;
  const slurm::JobEnvironment job = slurm::read_job_environment();
  if (!job.in_job()) {
    throw base::InputError("trireme job trial works inside a Slurm job only: a sweep's batch script calls it");
  }
  base::PosixFileSystem files;
  const Path directory = Path(command.words[0]).lexically_normal();
  const SweepWorker self = job_worker(job, command.process);
  WorkerSituation situation{
      .ended = command.ended, .exclude = command.exclude, .may_requeue = command.requeue, .parks = command.parks};
  situation.leaves = command.leaves() || time_is_over(files, command, directory);
  Wanted wanted{.trial = !situation.leaves};
  if (command.shape >= 0) wanted.shape = command.shape;
  // A job that is about to be killed does not wait for the queue's answer.
  const auto queue = command.leaves()
                         ? std::nullopt
                         : queue_of(files, read_sweep(files, directory), self, wanted,
                                    situation.leaves && !command.requeue, static_cast<double>(command.queue_seconds));
  SweepWorld world = real_sweep_world();
  world.life = life_in_queue(world.life, self, queue);
  SweepDirectory sweep(files, directory, world);
  const Advice advice = ask(sweep, command, self, wanted, world, queue, situation);
  situation.advice = advice.kind;
  situation.last_job = queue && is_last_job(sweep.read(), self, *queue);
  situation.rests = advice.why;
  situation.sweep_stopped = slurm::find_request(files, directory, slurm::Wish::kStop).has_value();
  const WorkerStep step = decide_worker(situation);
  if (step.word == "run") base::print_note("trireme job: " + start_text(sweep.read(), advice.trial));
  print(step, advice);
  return base::kExitDone;
}

}  // namespace trireme::launcher
