// trireme train RUN.ini: one attempt of a run, from its options to its outcome.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/patient_output.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "launcher/attempt/stop_text.hpp"
#include "launcher/attempt/train_loop.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/checkpointing/preflight.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/console/attempt_text.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/session/checkpoint_bridge.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"
#include "launcher/submission/queue.hpp"
#include "models/spec/cost.hpp"
#include "slurm/job/start_reason.hpp"

namespace trireme::launcher {
namespace {

// Seconds after which standing still is a hang: setting up, and reading a checkpoint from a busy file system.
constexpr double kStartLimit = 900;
constexpr double kLoadLimit = 3600;

void describe(const base::Log& log, Session& session, const RunInput& input, const std::vector<std::string>& notes) {
  const options::RunOptions& options = input.options();
  const spec::ModelConfig& model = input.resolved.model;
  log.info(base::str("model     ", spec::name_of(model.arch), ", ",
                     format_count(static_cast<double>(spec::parameter_count(model))), " parameters: ", model.layers,
                     " layers, hidden ", model.hidden, ", ", model.heads, " heads, vocabulary ", model.vocab,
                     ", sequence ", model.sequence));
  log.info(base::str("data      ", input.train->samples(), " samples; global batch ", options.train.global_batch,
                     " = dp ", input.resolved.degrees.dp, " x micro-batch ", options.train.micro_batch, " x ",
                     input.resolved.plan.micro_batches));
  log.info("length    " +
           length_text(input.resolved.steps, options.train.global_batch, model.sequence, input.train->samples()));
  log.info(base::str("layout    ", topology::to_string(input.resolved.degrees), ", ", options.parallel.schedule,
                     options.parallel.zero > 0 ? ", zero 1" : "", ", on ", session.world().size(), " rank(s) x ",
                     session.processor().threads, " thread(s), ", options.train.precision));
  for (const std::string& note : notes) log.info("note      " + note);
  for (const std::string& note : input.resolved.notes) log.info("note      " + note);
}

// What must not change between attempts is checked; a line for everything that did change.
void compare_with_saved(const checkpoint::Manifest& manifest, const RunInput& input, const base::Log& log) {
  const options::RunOptions saved = options::parse_run_options(manifest.options, "the checkpoint's options");
  for (const std::string& change : options::compare_on_resume(
           saved, input.options(), manifest.extra.value("tokenizer_hash", ""), input.train->tokenizer_hash())) {
    log.info("changed   " + change);
  }
  input.train->resume(tokens::cursor_from_json(manifest.cursor));
}

void describe_differences(const checkpoint::LoadResult& loaded, const base::Log& log) {
  for (const std::string& name : loaded.missing) log.info(base::str("initial   ", name, ": not in the checkpoint"));
  for (const std::string& name : loaded.unexpected) log.info(base::str("left out  ", name, ": not in the model"));
  for (const std::string& name : loaded.grown) log.info("grown     " + name);
  for (const std::string& word : loaded.unknown) {
    log.warn(base::str("checkpoint.allow: ", word, " names no tensor, neither of the checkpoint nor of the model"));
  }
}

// Where the training goes on, and the newest step in the run directory (0 = none): the fast tier may be ahead of it.
struct Start {
  Position position;
  std::int64_t saved_step = 0;
};

std::int64_t newest_saved_step(Session& session, base::FileSystem& files, const std::string& run_directory) {
  std::int64_t step = 0;
  on_rank_0(session.world(), [&] {
    const auto steps = checkpoint::committed_steps(files, run_directory);
    step = steps.empty() ? 0 : steps.back();
  });
  session.world().control().broadcast(&step, 1, collectives::DataType::kInt64, 0);
  return step;
}

// `run` is null but on rank 0.
Start restore(Session& session, base::FileSystem& files, const RunInput& input, const RunDirectory* run, int attempt,
              FastTier* fast, const base::Log& log) {
  const options::RunOptions& options = input.options();
  const std::vector<std::string> allow = options::names_of(options.checkpoint.allow);
  Position position;
  bool from_fast = false;
  checkpoint::LoadResult loaded;
  const auto step = checkpoint::restore_newest(
      session.coordinator(), files, options.run.dir, attempt, log,
      [&](checkpoint::Reader& reader) {
        from_fast = fast != nullptr && fast->holds(reader.path());
        compare_with_saved(reader.manifest(), input, log);
        if (run != nullptr && reader.manifest().run_id != run->run_id()) {
          log.warn(base::str(reader.path().string(), " was saved by another run, ", reader.manifest().run_id));
        }
        if (!allow.empty()) session.trainer().initialise();  // for what the checkpoint does not have
        loaded = load_state(reader, session.trainer(), false, allow);
        describe_differences(loaded, log);
        position.step = reader.manifest().step;
        position.consumed_samples = tokens::cursor_from_json(reader.manifest().cursor).consumed_samples;
        position.skipped_steps = reader.manifest().extra.value("skipped_steps", std::int64_t{0});
      },
      fast != nullptr ? std::optional(fast->search()) : std::nullopt);
  if (step) {
    session.trainer().set_steps(position.step - position.skipped_steps);
    log.info(base::str("resuming  from step ", position.step, ", ", position.consumed_samples, " samples consumed",
                       from_fast ? ", from the fast tier" : "", " (",
                       format_bytes(static_cast<double>(loaded.bytes_read)), " read in ",
                       format_duration(loaded.seconds), ")"));
    return {position, from_fast ? newest_saved_step(session, files, options.run.dir) : position.step};
  }
  session.trainer().initialise();
  if (!options.model.init_from.empty()) {
    const auto path = find_checkpoint(files, options.model.init_from);
    describe_differences(load_weights(session.coordinator(), files, session.trainer(), path, allow), log);
    log.info(base::str("weights   from ", path.string()));
  }
  return {};
}

slurm::AttemptStart describe_attempt(const RunDirectory& run, const RunInput& input, Session& session,
                                     const Position& start) {
  const slurm::JobEnvironment job = slurm::read_job_environment();
  slurm::AttemptStart attempt;
  attempt.run_id = run.run_id();
  attempt.reason = slurm::start_reason(run.attempts(), job, run.killed_reason());
  attempt.job_id = job.job_id;
  attempt.cluster = run.cluster();
  attempt.restart_count = job.restart_count;
  attempt.partition = job.partition;
  attempt.layout = topology::to_string(input.resolved.degrees);
  attempt.hosts = session.hosts();
  attempt.ranks = session.world().size();
  attempt.gpus = !session.processor().device.is_cpu();
  attempt.steps = input.resolved.steps;
  attempt.first_step = start.step;
  attempt.time = base::wall_time();
  attempt.start_up_seconds = run.age();
  return attempt;
}

// What rank 0 looks at while it trains.
struct Watched {
  slurm::ControlFiles control;
  slurm::TimeBudget time;
  std::unique_ptr<slurm::JobEndWatch> end;
};

// Null outside a job.
std::unique_ptr<slurm::JobEndWatch> watch_job_end(std::optional<double> end, std::int64_t seconds,
                                                  const base::Log& log) {
  const slurm::JobEnvironment job = slurm::read_job_environment();
  if (!job.in_job()) return nullptr;
  const std::chrono::duration<double> period(seconds);  // squeue is a busy service
  const auto ask = [id = job.job_id, period, since = base::wall_time()]() -> std::optional<slurm::TimeLeft> {
    base::PosixFileSystem files;
    const auto queue = my_queue(files, period.count());
    return queue ? slurm::time_left_of(*queue, id, since) : std::nullopt;
  };
  return std::make_unique<slurm::JobEndWatch>(end, ask, period, [log](double changed) {
    log.info("time      the job's time limit was changed: " +
             (std::isinf(changed) ? "it has none now"
                                  : format_duration(std::max(0.0, changed - base::wall_time())) + " left"));
  });
}

// What a step and a save took in the last attempt that measured them; else an estimate for the save.
slurm::TimeBudget time_budget(std::optional<double> end, const std::vector<slurm::Attempt>& attempts,
                              const RunInput& input, const base::Log& log) {
  double step = 0.0, save = 0.0;
  for (const slurm::Attempt& attempt : attempts) {
    if (attempt.end.step_seconds > 0) step = attempt.end.step_seconds;
    if (attempt.end.save_seconds > 0) save = attempt.end.save_seconds;
  }
  const bool estimated = save == 0.0;
  if (estimated) {
    const double kBytesPerParameter = spec::state_bytes_per_parameter(input.options().train.precision == "fp64");
    save = slurm::estimated_save_seconds(
        kBytesPerParameter * static_cast<double>(spec::parameter_count(input.resolved.model)),
        slurm::read_job_environment().nodes);
  }
  const slurm::TimeBudget budget(end, step, save);
  if (end) {
    log.info(base::str("time      ", format_duration(std::max(0.0, *end - base::wall_time())),
                       " left in the job; a save is expected to take ", format_duration(save),
                       estimated ? " (an estimate until the first one)" : " (as in the last attempt)"));
  }
  return budget;
}

// Trains, and writes down how it ended; the summary is for people.
slurm::Outcome run_attempt(Session& session, const RunInput& input, base::FileSystem& files, RunDirectory* run,
                           int attempt, StopRequests& stops, Watched& watched, slurm::Progress& progress,
                           collectives::Watchdog& watchdog, const base::Log& log) {
  watchdog.phase(collectives::Watchdog::Phase::kLoad, kLoadLimit);
  const auto fast = FastTier::open(session, files, run, log);
  const auto [start, saved_step] = restore(session, files, input, run, attempt, fast.get(), log);
  if (run != nullptr && start.step == 0 && run->logged_step() > 0) {
    log.warn(base::str("an earlier attempt reached step ", run->logged_step(),
                       ", but no checkpoint of it is left: starting from scratch"));
  }
  progress.step = start.step;
  progress.saved_step = saved_step;
  stops.check("after loading the checkpoint");
  preflight(session, files, input, fast.get());
  on_rank_0(session.world(),
            [&] { run->begin(describe_attempt(*run, input, session, start), options::to_ini(input.options())); });
  TrainLoop loop(session,
                 {files, *input.train, input.valid.get(), run, stops, run != nullptr ? &watched.control : nullptr,
                  run != nullptr ? &watched.time : nullptr, progress, watchdog, log, fast.get(), attempt, saved_step,
                  saved_step == start.step && saved_step > 0 ? std::optional(saved_step) : std::nullopt},
                 start);
  const slurm::Outcome outcome = loop.run();
  if (run != nullptr) {
    run->took(watched.time.longest_step(), loop.saving().cost(), loop.saving().interval_seconds(),
              loop.saving().shards_per_node());
    run->end(outcome);
    if (run->attempts().size() > 1) log.text("\n" + attempts_table(run->attempts()) + "\n");
    log.info(ending_text(outcome, start.step, input.resolved.steps, input.options().run.dir));
  }
  return outcome;
}

int number_of_attempt(collectives::MpiWorld& world, const RunDirectory* run) {
  std::int64_t attempt = run != nullptr ? run->attempt() : 0;
  world.control().broadcast(&attempt, 1, collectives::DataType::kInt64, 0);
  return static_cast<int>(attempt);
}

// A rank that ends the job on its own writes the outcome: rank 0 may be killed before it learns of it.
void leave_an_outcome(collectives::MpiWorld& world, const std::string& directory, int attempt,
                      const std::shared_ptr<slurm::Progress>& progress) {
  world.on_abort([directory, attempt, progress, host = world.host()](const std::string& message, int code) {
    base::PosixFileSystem files;
    if (files.exists(slurm::outcome_file(directory, attempt))) return;
    const std::string first_line = message.substr(0, message.find('\n'));
    slurm::write_outcome(files, directory, attempt,
                         {code, base::str("failed on ", host, ": ", first_line), progress->step, progress->saved_step});
  });
}

}  // namespace

int train_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments) {
  const bool first = world.rank() == 0;
  const base::Log log = first ? base::Log(stdout) : base::Log();
  if (first && world.under_mpirun()) base::do_not_wait_for_stdout();
  base::PosixFileSystem files;
  options::TrainLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;
  std::vector<std::string> notes;  // on rank 0
  const options::RunOptions given = share_options(world, [&] { return command.run.load(0, &notes); });
  collectives::Watchdog watchdog(world);
  watchdog.phase(collectives::Watchdog::Phase::kStart, kStartLimit);
  const Device device(world, given.train.device, log);
  StopRequests stops(world, signals);
  const RunInput input = prepare_training(world, files, given, device, log);

  Watched watched{{files, input.options().run.dir}, {std::nullopt, 0.0, 0.0}, nullptr};
  if (first) stops.watch(watched.control);
  const auto progress = std::make_shared<slurm::Progress>();
  std::unique_ptr<RunDirectory> run;
  try {
    on_rank_0(world, [&] {
      run = std::make_unique<RunDirectory>(
          files, input.options().run.dir, slurm::read_job_environment(), [&] { return stops.vote() != 0; }, log);
      watched.time =
          time_budget(slurm::find_job_end(slurm::environment_variable, slurm::run_command, base::wall_time()),
                      run->attempts(), input, log);
      watched.end = watch_job_end(watched.time.end(), input.options().slurm.queue_seconds, log);
      stops.watch(watched.time, watched.end.get());
      stops.ask_about_signals(slurm::read_job_environment().job_id);
    });
    const int attempt = number_of_attempt(world, run.get());
    leave_an_outcome(world, input.options().run.dir, attempt, progress);
    stops.check("before the model was built");
    Session session(world, input.resolved, device);
    describe(log, session, input, notes);
    if (first) tell_how_to_stop(world, signals, input.options().run.dir, log);
    stops.check("before a checkpoint was loaded");
    const slurm::Outcome outcome =
        run_attempt(session, input, files, run.get(), attempt, stops, watched, *progress, watchdog, log);
    watchdog.phase(collectives::Watchdog::Phase::kNone, 0);
    session.finish();
    return outcome.exit_code;
  } catch (const base::Stopped& stop) {
    if (run) run->fail(stop, *progress, stops.come_back());
    log.info(stop.what());
    return base::kExitStopped;
  } catch (const std::exception& error) {
    if (run) run->fail(error, *progress);
    throw;
  }
}

}  // namespace trireme::launcher
