// The processes of trials that this program started.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace trireme::launcher {

struct TrialCommand {
  std::vector<std::string> words;           ///< the program, found on PATH, and its arguments
  std::filesystem::path directory;          ///< where it works
  std::filesystem::path log;                ///< what it prints is appended here
  std::vector<std::string> variables = {};  ///< "NAME=value", besides this process's own
};

/// Starts programs in process groups of their own, so that Ctrl-C on a terminal reaches this process alone, which
/// passes it on in a way that lets them save. Thread-safe.
class TrialProcesses {
 public:
  /// Runs the program to its end. Returns its exit code, 128 + signal when one killed it. Throws base::Error when it
  /// cannot be started. After stop() it starts nothing and returns base::kExitStopped.
  int run(const TrialCommand& command);
  /// Sends SIGUSR1 to all that run, and to none twice: mpirun passes it on to its ranks, and trainings save and end.
  void stop();
  /// Kills all that run and what they started in their process groups.
  void kill();

 private:
  std::mutex mutex_;
  std::set<pid_t> running_;
  bool stopping_ = false;
};

}  // namespace trireme::launcher
