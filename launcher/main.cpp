// The light `trireme`: starts at once, without MPI and LibTorch; what needs them is exec'ed from the helper.
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/program/helper.hpp"
#include "launcher/program/version.hpp"

namespace trireme::launcher {
namespace {

struct HelperCommand {
  const char* name;
  const char* summary;
};
constexpr HelperCommand kHelperCommands[] = {
    {"train", "trains; under mpirun, srun, or alone; resumes by itself"},
    {"eval", "loss of a model on datasets; log-probabilities, choices, embeddings"},
    {"generate", "text from a prompt, or from a file of prompts"},
    {"chat", "a conversation with a model that has a chat template"},
};

int version_command(const Arguments& arguments) {
  options::CommandLine line("version", "what this program was built from and with", "trireme version");
  if (!line.parse(arguments)) return base::kExitDone;
  base::answer_text(version_text());
  return base::kExitDone;
}

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
  commands.push_back({"import", "makes a checkpoint from a model in Hugging Face's format", import_command});
  commands.push_back({"export", "writes a checkpoint in Hugging Face's format", export_command});
  commands.push_back({"submit", "checks a run file, writes its batch script and submits it", submit_command});
  commands.push_back({"sweep", "many runs from one file, with early stopping", sweep_command});
  commands.push_back({"job", "what a batch script asks between attempts", job_command});
  commands.push_back({"devcluster", "a real Slurm cluster of several nodes on this machine", devcluster_command});
  commands.push_back(
      {"doctor", "what this cluster's Slurm will do to your jobs; under mpirun: checks the nodes", doctor_command});
  commands.push_back(
      {"status", "how my runs stand: state, step, loss, time left, hours used and lost", status_command});
  commands.push_back({"plot", "curves of runs in the terminal: loss, or any other number they log", plot_command});
  commands.push_back(
      {"usage", "who used how much: hours used, lost and spared, waits, disk, by person and project", usage_command});
  commands.push_back({"reproduce", "repeats a run from its record; --check compares the losses", reproduce_command});
  commands.push_back({"runs", "a team's runs: list, find, diff, archive", runs_command});
  commands.push_back({"data", "names for a team's datasets: add, list, remove", data_command});
  commands.push_back(
      {"report", "writes one HTML page about runs or a sweep, which opens without a network", report_command});
  commands.push_back({"stop", "asks a run to save and stay stopped", stop_command});
  commands.push_back({"save", "asks a run to save now and go on", save_command});
  commands.push_back(
      {"resume", "lifts a stop, and submits the run again when nothing of it is queued", resume_command});
  commands.push_back({"version", "what this program was built from and with", version_command});
  // "help" is run_subcommand's own.
  return commands;
}

/// Whether another rank of the same launch prints what all would print.
bool another_rank_prints() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    const char* rank = std::getenv(name);
    if (rank != nullptr && std::string_view(rank) != "0") return true;
  }
  return false;
}

/// Prints the help of a command that the helper executes, if that is what the words ask for.
template <typename Line>
bool print_help(const Arguments& words) {
  Line command;
  if (!command.line.asks_for_help(words)) return false;
  if (!another_rank_prints()) command.line.parse(words);
  return true;
}

bool prints_help(const std::string& command, const Arguments& words) {
  if (command == "train") return print_help<options::TrainLine>(words);
  if (command == "eval") return print_help<options::EvalLine>(words);
  if (command == "chat") return print_help<options::ChatLine>(words);
  return command == "generate" && print_help<options::GenerateLine>(words);
}

int run(const Arguments& arguments) {
  const std::string word = arguments.empty() ? "" : arguments.front();
  if (word == "--version" || word == "-V") return version_command({});
  if (word == "help" && arguments.size() > 1) {
    Arguments words(arguments.begin() + 1, arguments.end());
    words.emplace_back("--help");
    return run(words);
  }
  for (const HelperCommand& command : kHelperCommands) {
    if (word != command.name) continue;
    const Arguments words(arguments.begin() + 1, arguments.end());
    if (prints_help(word, words)) return base::kExitDone;
    if (word == "train" && is_program_run(words)) return train_program_command(words);
    exec_helper(arguments);
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
