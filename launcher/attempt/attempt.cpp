#include "launcher/attempt/attempt.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "launcher/attempt/directory_keeper.hpp"
#include "launcher/attempt/early_end.hpp"
#include "launcher/attempt/recording.hpp"
#include "launcher/attempt/restore.hpp"
#include "launcher/attempt/train_loop.hpp"
#include "launcher/checkpointing/checkpoint_size.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/checkpointing/preflight.hpp"
#include "launcher/console/attempt_text.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

// Seconds after which reading a checkpoint from a busy file system is a hang.
constexpr double kLoadLimit = 3600;

// What the ledger says of the attempt; the keeper adds what it knows itself.
slurm::AttemptStart describe_attempt(const RunInput& input, Session& session, std::int64_t first_step) {
  const slurm::JobEnvironment job = slurm::read_job_environment();
  slurm::AttemptStart attempt;
  attempt.job_id = job.job_id;
  attempt.restart_count = job.restart_count;
  attempt.partition = job.partition;
  attempt.layout = topology::to_string(input.resolved.degrees);
  attempt.hosts = session.hosts();
  attempt.ranks = session.world().size();
  attempt.gpus = !session.processor().device.is_cpu();
  attempt.steps = input.resolved.steps;
  attempt.stop_when = input.options().train.stop_when;
  attempt.first_step = first_step;
  attempt.time = base::wall_time();
  return attempt;
}

int number_of_attempt(collectives::MpiWorld& world, const RunKeeper& keeper) {
  std::int64_t attempt = keeper.attempt();
  world.control().broadcast(&attempt, 1, collectives::DataType::kInt64, 0);
  return static_cast<int>(attempt);
}

// A rank that ends the job on its own writes the outcome: rank 0 may be killed before it learns of it.
void leave_an_outcome(collectives::MpiWorld& world, const Device& device, const std::string& directory, int attempt,
                      const std::shared_ptr<slurm::Progress>& progress) {
  world.on_abort([watch = device.watch(), directory, attempt, progress](const std::string& message, int code,
                                                                        const std::string& host) {
    base::PosixFileSystem files;
    if (files.exists(slurm::outcome_file(directory, attempt))) return;
    const std::string first_line = message.substr(0, message.find('\n'));
    slurm::write_outcome(
        files, directory, attempt,
        {code, base::str(slurm::failed_on(host), first_line, gpu_remark(watch)), progress->step, progress->saved_step});
  });
}

// On rank 0 of a job; outside one there is no limit.
void watch_job(AttemptParts& parts, const slurm::JobEnvironment& job, const AskQueue& ask_queue) {
  const auto end = slurm::find_job_end(slurm::environment_variable, slurm::run_command, base::wall_time());
  const slurm::TimeBudget time =
      time_budget(end, parts.keeper->attempts(), checkpoint_bytes(parts.input.resolved), job.nodes, parts.log);
  const std::chrono::duration<double> period(parts.input.options().slurm.queue_seconds);
  parts.watched.watch_time(time, watch_job_end(job, end, period, ask_queue, parts.log));
  parts.stops.ask_about_signals(job.job_id);
}

void end_attempt(AttemptParts& parts, const slurm::Outcome& outcome, const Measured& measured,
                 std::int64_t first_step) {
  parts.keeper->end(outcome, measured);
  const auto& attempts = parts.keeper->attempts();
  if (attempts.size() > 1) parts.log.text("\n" + attempts_table(attempts) + "\n");
  parts.log.info(ending_text(outcome, first_step, parts.input.resolved.steps, parts.input.options().run.dir));
}

// Goes back to the newest checkpoint, and leaves out the samples that the event names.
Start roll_back(Session& session, AttemptParts& parts, FastTier* fast, slurm::HealthEvent event) {
  parts.log.warn(event.message + ": going back to the newest checkpoint");
  parts.watchdog.phase(collectives::Watchdog::Phase::kLoad, kLoadLimit);
  if (fast != nullptr) fast->came_to(event.step);
  Start start = restore(session, parts, fast);
  Position& position = start.position;
  if (event.first_sample >= 0) {
    position.skipped.add(
        {static_cast<std::uint64_t>(event.first_sample), static_cast<std::uint64_t>(event.last_sample)});
    parts.log.info(base::str("skips     samples ", event.first_sample, " to ", event.last_sample));
  }
  event.to_step = position.step;
  on_rank_0(session.world(), [&] { parts.keeper->roll_back(event); });
  parts.progress->step = position.step;
  parts.progress->saved_step = start.saved_step;
  return start;
}

}  // namespace

Attempt::Attempt(collectives::MpiWorld& world, const base::SignalThread& signals, base::FileSystem& files,
                 const RunInput& input, const Device& device, collectives::Watchdog& watchdog, const base::Log& log)
    : world_(world),
      device_(device),
      parts_{.files = files,
             .input = input,
             .watchdog = watchdog,
             .log = log,
             .watched = Watched(files, input.options().run.dir, world.rank() == 0),
             .stops = StopRequests(world.control(), signals, parts_.watched)} {}

void Attempt::open(const AskQueue& ask_queue) {
  const std::string& directory = parts_.input.options().run.dir;
  on_rank_0(world_, [&] {
    const slurm::JobEnvironment job = slurm::read_job_environment();
    parts_.keeper = std::make_unique<DirectoryKeeper>(
        parts_.files, directory, job, [&] { return parts_.stops.vote() != 0; }, parts_.log,
        parts_.input.options().log.tensorboard);
    watch_job(parts_, job, ask_queue);
  });
  parts_.number = number_of_attempt(world_, *parts_.keeper);
  leave_an_outcome(world_, device_, directory, parts_.number, parts_.progress);
}

std::optional<slurm::Outcome> Attempt::paused() {
  const options::Resolved& resolved = parts_.input.resolved;
  std::int64_t step = 0;
  on_rank_0(world_, [&] {
    const std::string& directory = resolved.options.run.dir;
    const auto saved = checkpoint::committed_steps(parts_.files, directory);
    const auto paused = paused_already(parts_.keeper->attempts(), saved.empty() ? 0 : saved.back(),
                                       resolved.options.run.pause_at, resolved.steps);
    if (!paused) return;
    step = *paused;
    const slurm::Outcome outcome = pause_outcome(step);
    parts_.keeper->end(outcome, {});
    parts_.log.info(ending_text(outcome, step, resolved.steps, directory));
  });
  world_.control().broadcast(&step, 1, collectives::DataType::kInt64, 0);
  return step > 0 ? std::optional(pause_outcome(step)) : std::nullopt;
}

slurm::Outcome Attempt::train(Session& session) {
  RunKeeper& keeper = *parts_.keeper;
  parts_.watchdog.phase(collectives::Watchdog::Phase::kLoad, kLoadLimit);
  const auto fast = FastTier::open(
      session, parts_.files,
      [&] {
        return checkpoint::LocalRules{keeper.run_id(), keeper.job(), keeper.logged_step()};
      },
      parts_.log);
  Start start = restore(session, parts_, fast.get());
  const std::int64_t first_step = start.position.step;
  if (first_step == 0 && keeper.logged_step() > 0) {
    parts_.log.warn(base::str("an earlier attempt reached step ", keeper.logged_step(),
                              ", but no checkpoint of it is left: starting from scratch"));
  }
  parts_.progress->step = first_step;
  parts_.progress->saved_step = start.saved_step;
  check_stop("after loading the checkpoint");
  preflight(session, parts_.files, parts_.input, fast.get());
  on_rank_0(world_, [&] {
    keeper.begin(describe_attempt(parts_.input, session, first_step),
                 options::to_ini(options::lasting(parts_.input.options())));
    append_record(parts_.files, parts_.input.options().run.dir,
                  describe_for_record(parts_.files, keeper.attempt(), parts_.input, session, start));
  });
  for (HealthHistory history;;) {
    slurm::HealthEvent bad;
    {
      TrainLoop loop(session, parts_, fast.get(), start, history);
      if (const auto outcome = loop.run()) {
        end_attempt(parts_, *outcome, loop.measured(), first_step);
        return *outcome;
      }
      bad = *loop.roll_back();
    }  // nothing reads the data or writes checkpoints while the state is restored
    start = roll_back(session, parts_, fast.get(), bad);
  }
}

}  // namespace trireme::launcher
