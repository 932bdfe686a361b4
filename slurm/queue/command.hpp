// Runs programs of the cluster (squeue, scontrol, sbatch, mpirun …) behind one seam, so that tests can answer for them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace trireme::slurm {

/// How many seconds a question may take: a controller that does not answer must not block its caller.
inline constexpr double kPatience = 60;
/// The exit code of a program that did not end in time; its error says so.
inline constexpr int kNoAnswer = 124;

struct CommandResult {
  int exit_code = 0;  ///< 128 + signal when a signal ended it
  std::string output;
  std::string error;
};

/// Runs words[0] from PATH with the other words as its arguments and waits for it. Returns nothing when there is no
/// such program.
using RunCommand = std::function<std::optional<CommandResult>(const std::vector<std::string>& words)>;

/// Runs a real program within kPatience, by posix_spawn and without a shell. Standard input is /dev/null; the
/// environment is that of command_environment().
std::optional<CommandResult> run_command(const std::vector<std::string>& words);

/// After `seconds` the program and everything it started are killed, and the result is kNoAnswer without output. A
/// program that cannot be killed (it waits for a dead file server) is left behind.
std::optional<CommandResult> run_command_within(double seconds, const std::vector<std::string>& words);

/// The standard output of a program that ended with 0; nothing otherwise.
std::optional<std::string> output_of(const RunCommand& run, const std::vector<std::string>& words);

}  // namespace trireme::slurm
