// The launcher that a supervisor starts and waits for.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace trireme::launcher {

/// A process in a group of its own, so that Ctrl-C at a terminal reaches the supervisor alone. It is killed when the
/// supervisor dies. Its standard input is /dev/null.
class Child {
 public:
  /// Starts words[0] from PATH. Throws base::InputError when there is no such program, base::Error for other reasons.
  explicit Child(const std::vector<std::string>& words);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Kills it and its group if it still runs, and waits.
  ~Child();

  /// The exit code (128 + signal), once it has ended; waits for that, or for nudge(), at most so long.
  std::optional<int> wait_for(std::chrono::milliseconds time);
  /// Ends a wait_for() early; any thread.
  void nudge();
  /// SIGKILL for the group.
  void kill();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> code_;
  bool nudged_ = false;
  pid_t pid_ = 0;
  std::jthread waiting_;  // last: it uses the rest
};

}  // namespace trireme::launcher
