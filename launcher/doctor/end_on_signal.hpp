// Ctrl-C and a job's end by signal leave no files behind.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "slurm/job/stop_signal.hpp"

namespace trireme::doctor {

/// While it lives, SIGTERM, SIGINT and SIGUSR1 first call `cleanup` and then end the process as they always do.
/// `cleanup` runs in a thread of its own, beside whatever the process is doing, and throws nothing.
class EndOnSignal {
 public:
  explicit EndOnSignal(std::function<void()> cleanup);
  ~EndOnSignal();
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;

 private:
  void watch();

  slurm::StopSignals signals_;
  std::function<void()> cleanup_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace trireme::doctor
