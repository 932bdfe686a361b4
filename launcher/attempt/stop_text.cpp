#include "launcher/attempt/stop_text.hpp"

#include <unistd.h>

#include <utility>

#include "base/error.hpp"
#include "base/terminal.hpp"

namespace trireme::launcher {

void tell_how_to_stop(const collectives::MpiWorld& world, base::SignalThread& signals, const std::string& run_directory,
                      const base::Log& log) {
  if (!base::on_terminal(STDOUT_FILENO)) return;
  if (world.under_mpirun()) {
    log.info(base::str("stopping  trireme stop ", run_directory,
                       " saves and ends the run; after Ctrl-C mpirun kills it within two seconds, and what is not "
                       "saved by then is lost"));
  } else if (world.size() == 1) {
    signals.on_signal([log, told = false](int signal) mutable {
      if (std::exchange(told, true)) return;
      log.info(base::str(base::signal_name(signal),
                         ": this step is finished, a checkpoint is saved, and the run ends; another signal changes "
                         "nothing (to end at once without saving: kill -9 ",
                         ::getpid(), ")"));
    });
  }
}

}  // namespace trireme::launcher
