// trireme train RUN.ini: one attempt of a run, from its options to its outcome.
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/patient_output.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "launcher/attempt/attempt.hpp"
#include "launcher/attempt/stop_text.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/console/run_text.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"
#include "launcher/submission/queue.hpp"

namespace trireme::launcher {
namespace {

// Seconds after which a start that stands still is a hang.
constexpr double kStartLimit = 900;

}  // namespace

int train_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments) {
  const bool first = world.rank() == 0;
  const base::Log log = first ? base::Log(stdout) : base::Log();
  if (first && world.under_mpirun()) base::do_not_wait_for_stdout();
  base::PosixFileSystem files;
  options::TrainLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;
  std::vector<std::string> notes;  // on the run file, on rank 0
  const options::RunOptions given = share_options(world, [&] { return command.run.load(0, &notes); });
  collectives::Watchdog watchdog(world);
  watchdog.phase(collectives::Watchdog::Phase::kStart, kStartLimit);
  const Device device(world, given.train.device, log);
  const RunInput input = prepare_training(world, files, given, device, log);
  Attempt attempt(world, signals, files, input, device, watchdog, log);
  try {
    attempt.open(my_queue);
    if (const auto outcome = attempt.paused()) return outcome->exit_code;
    attempt.check_stop("before the model was built");
    Session session(world, input.resolved, device, Purpose::kTraining, &watchdog);
    for (const std::string& line :
         run_lines(input.resolved, input.train->samples(), world.size(), session.processor().threads, notes)) {
      log.info(line);
    }
    log.info("attention " + session.trainer().attention());
    if (first) tell_how_to_stop(world, signals, input.options().run.dir, log);
    attempt.check_stop("before a checkpoint was loaded");
    const slurm::Outcome outcome = attempt.train(session);
    watchdog.phase(collectives::Watchdog::Phase::kNone, 0);
    session.finish();
    return outcome.exit_code;
  } catch (const base::Stopped& stop) {
    attempt.stopped(stop);
    log.info(stop.what());
    return base::kExitStopped;
  } catch (const std::exception& error) {
    const std::string remark = gpu_remark(device.watch());
    if (!remark.empty()) base::print_note(base::str("rank ", world.rank(), " on ", world.host(), " failed", remark));
    attempt.fail(error, world.blamed_host(error), remark);
    throw;
  }
}

}  // namespace trireme::launcher
