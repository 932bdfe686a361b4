// The processes of an attempt's program on this node, found by the mark in their environment, and signals for them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace trireme::launcher {

/// A process of this user, as /proc shows it.
struct ProgramProcess {
  pid_t pid = 0;
  pid_t parent = 0;
  bool shell = false;  ///< it is the `/bin/sh -c command` that the rank's starter made
};

/// The processes whose environment has `variable`=`value`. Those that end meanwhile are left out.
std::vector<ProgramProcess> find_processes(const std::string& variable, const std::string& value);

/// Which of them a stop signal is for: the process that each rank's starter made; where that is a shell which waits for
/// the command's processes, its children. The programs that those start themselves get no signal.
std::vector<pid_t> signal_targets(const std::vector<ProgramProcess>& processes);

/// Sends the signal to the program's processes on this node that have `token`: SIGKILL to all of them, any other signal
/// to signal_targets(). Returns how many got it.
int signal_program(const std::string& token, int signal);

/// Kills what earlier attempts of the run in `run_directory` (absolute) left running on this node. Returns how many
/// processes. The caller holds the run's lease.
int kill_leftovers(const std::string& run_directory);

/// "USR1" -> SIGUSR1; 0 for a name that program.stop_signal does not know.
int signal_number(const std::string& name);

}  // namespace trireme::launcher
