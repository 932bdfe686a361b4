// Temporary files do not survive Ctrl-C.
#pragma once

#include <signal.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace trireme::launcher {

/// From construction on SIGINT, SIGTERM and SIGHUP are held back; from watch() on they remove the files and then end
/// the process as they always do. To be made before any other thread (which inherits that they are blocked) and
/// before the files, so that no signal falls in between.
class CleanupOnSignal {
 public:
  CleanupOnSignal();
  CleanupOnSignal(const CleanupOnSignal&) = delete;
  CleanupOnSignal& operator=(const CleanupOnSignal&) = delete;
  ~CleanupOnSignal();

  /// Call once: a thread of its own waits for the signals.
  void watch(std::vector<std::string> files);

 private:
  void wait();

  std::vector<std::string> files_;
  sigset_t signals_;
  sigset_t before_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace trireme::launcher
