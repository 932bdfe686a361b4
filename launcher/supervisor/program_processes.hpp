// The processes of an attempt's program on this node, and signals for them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "launcher/supervisor/launch.hpp"

namespace trireme::launcher {

/// A process of this user, as /proc shows it.
struct ProgramProcess {
  pid_t pid = 0;
  pid_t parent = 0;
  bool shell = false;  ///< it is the `/bin/sh -c command` that the rank's starter made
};

/// The processes of the attempt that `launch` describes: those that bear its mark in their environment, what the ranks'
/// starters (trireme job rank) started, and what these started (a program may replace its environment). Those that end
/// meanwhile are left out.
std::vector<ProgramProcess> find_processes(const Launch& launch);

/// Which of them a stop signal is for, in the order in which they get it: the process that each rank's starter made,
/// and, where that is a shell which waits for the command's processes, those too. What they start themselves gets none.
std::vector<pid_t> signal_targets(const std::vector<ProgramProcess>& processes);

/// Which processes a signal is for.
enum class Reach {
  kTargets,   ///< signal_targets()
  kCatching,  ///< of these, those that handle it by now: a program that is only starting would be ended by it
  kAll,
};

/// Sends the signal to the attempt's processes on this node; 0 only counts them. Returns how many got it.
int signal_program(const Launch& launch, int signal, Reach reach);

/// Kills what earlier attempts of the run in `run_directory` (absolute) left running on this node, and waits for up to
/// five seconds until it is gone. Returns how many processes. The caller holds the run's lease.
int kill_leftovers(const std::string& run_directory);

/// "USR1" -> SIGUSR1; 0 for a name that program.stop_signal does not know.
int signal_number(const std::string& name);

}  // namespace trireme::launcher
