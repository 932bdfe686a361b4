// The helper that `trireme` execs for train, eval, generate, chat and doctor: the only program with MPI and LibTorch.
#include <c10/core/InferenceMode.h>

#include <string>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/host_memory.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "collectives/mpi/world.hpp"
#include "launcher/commands/run_commands.hpp"

namespace {

using trireme::collectives::MpiWorld;
using trireme::launcher::Arguments;

/// `code`, or 1 when the answer cannot be written. All ranks are done by now: rank 0 need not tell them.
int answered(int code) {
  try {
    trireme::base::finish_answers();
    return code;
  } catch (const trireme::base::Error& error) {
    trireme::base::print_failure(error.what());
    return trireme::base::kExitFailed;
  }
}

int dispatch(MpiWorld& world, trireme::base::SignalThread& signals, const std::string& command,
             const Arguments& arguments) {
  if (command == "train") return trireme::launcher::train_command(world, signals, arguments);
  if (command == "eval") return trireme::launcher::eval_command(world, signals, arguments);
  if (command == "generate") return trireme::launcher::generate_command(world, signals, arguments);
  if (command == "chat") return trireme::launcher::chat_command(world, signals, arguments);
  if (command == "doctor") return trireme::launcher::doctor_command(world, signals, arguments);
  throw trireme::base::InputError("trireme-run knows train, eval, generate, chat and doctor; it is started by trireme");
}

}  // namespace

int main(int argc, char** argv) {
  trireme::base::keep_freed_memory();
  trireme::base::ignore_file_size_signal();
  try {
    const Arguments words(argv + 1, argv + argc);
    const std::string command = words.empty() ? "" : words.front();
    const Arguments arguments(words.begin() + (words.empty() ? 0 : 1), words.end());
    trireme::base::SignalThread signals;  // before the threads of MPI, OpenMP and LibTorch
    if (command != "train") signals.on_signal(trireme::base::end_by_signal);
    const trireme::base::KeptHandlers handlers;
    const c10::InferenceMode no_autograd;  // gradients are computed by our own backward passes
    MpiWorld world;
    handlers.restore();
    return run_guarded(world, [&] {
      const int code = dispatch(world, signals, command, arguments);
      // A training's lines are its log; what it came to lies in its run directory.
      return command == "train" ? code : answered(code);
    });
  } catch (const std::exception& error) {
    trireme::base::print_failure(trireme::base::failure_text(error));
    return trireme::base::exit_code(error);
  }
}
