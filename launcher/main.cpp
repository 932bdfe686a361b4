// The light `trireme`: starts at once, without MPI and LibTorch; what needs them is exec'ed from the helper.
#include <algorithm>
#include <exception>
#include <string>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/helper.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/version.hpp"

namespace trireme::launcher {
namespace {

struct HelperCommand {
  const char* name;
  const char* summary;
};
constexpr HelperCommand kHelperCommands[] = {
    {"train", "trains; under mpirun, srun, or alone; resumes by itself"},
    {"eval", "loss and perplexity of a checkpoint on a dataset"},
    {"generate", "text from a prompt"},
};

std::vector<options::Subcommand> working_commands() {
  std::vector<options::Subcommand> commands;
  if (helper_exists()) {
    for (const HelperCommand& command : kHelperCommands) {
      commands.push_back({command.name, command.summary, [command](Arguments arguments) -> int {
                            arguments.insert(arguments.begin(), command.name);
                            exec_helper(arguments);
                          }});
    }
  }
  commands.push_back({"tokenizer", "trains a byte-level BPE tokenizer", tokenizer_command});
  commands.push_back({"prepare", "text, JSONL or stdin into a token dataset", prepare_command});
  commands.push_back({"checkpoint", "lists, inspects and verifies checkpoints", checkpoint_command});
  commands.push_back({"submit", "checks a run file, writes its batch script and submits it", submit_command});
  commands.push_back({"job", "what a batch script asks between attempts", job_command});
  commands.push_back({"devcluster", "a real Slurm cluster of several nodes on this machine", devcluster_command});
  commands.push_back(
      {"doctor", "what this cluster's Slurm will do to your jobs; under mpirun: checks the nodes", doctor_command});
  commands.push_back(
      {"status", "how my runs stand: state, step, loss, time left, hours used and lost", status_command});
  commands.push_back({"stop", "asks a run to save and stay stopped", stop_command});
  commands.push_back({"save", "asks a run to save now and go on", save_command});
  commands.push_back({"resume", "takes a stop back", resume_command});
  return commands;
}

bool asks_for_help(const Arguments& arguments) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const std::string& word) { return word == "--help" || word == "-h"; });
}

int run(const Arguments& arguments) {
  const std::string word = arguments.empty() ? "" : arguments.front();
  if (word == "--version") {
    base::answer_text(version_text());
    return base::kExitDone;
  }
  if (word == "train" && asks_for_help(arguments)) {
    base::answer_text(options::TrainLine().line.help());
    return base::kExitDone;
  }
  for (const HelperCommand& command : kHelperCommands) {
    if (word == command.name) exec_helper(arguments);
  }
  const std::string example =
      "trireme tokenizer train --vocab 4096 --output tokenizer.json book.txt\n"
      "trireme prepare --tokenizer tokenizer.json --output book.h5 book.txt";
  const std::string training = "\nmpirun -n 4 trireme train run.ini --parallel.tp=2";
  return options::run_subcommand("", helper_exists() ? example + training : example, working_commands(), arguments);
}

}  // namespace
}  // namespace trireme::launcher

int main(int argc, char** argv) {
  trireme::base::ignore_file_size_signal();
  try {
    const int code = trireme::launcher::run(trireme::launcher::Arguments(argv + 1, argv + argc));
    trireme::base::finish_answers();
    return code;
  } catch (const std::exception& error) {
    trireme::base::print_failure(trireme::base::failure_text(error));
    return trireme::base::exit_code(error);
  }
}
