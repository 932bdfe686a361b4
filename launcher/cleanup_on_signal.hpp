// Temporary files do not survive Ctrl-C.
#pragma once

#include <signal.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace trireme::launcher {

/// While it lives, SIGINT, SIGTERM and SIGHUP remove `files` and then end the process as they always do. A thread of
/// its own waits for them; to be made before any other thread, which inherits that they are blocked.
class CleanupOnSignal {
 public:
  explicit CleanupOnSignal(std::vector<std::string> files);
  CleanupOnSignal(const CleanupOnSignal&) = delete;
  CleanupOnSignal& operator=(const CleanupOnSignal&) = delete;
  ~CleanupOnSignal();

 private:
  void wait();

  std::vector<std::string> files_;
  sigset_t signals_;
  sigset_t before_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace trireme::launcher
