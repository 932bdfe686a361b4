// The world communicator of a rank of a fake machine.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "collectives/nccl/communicator.hpp"
#include "tests/fake/fake.hpp"

namespace trireme::test {

/// The clock of a rank's watch: once it runs, every look at it takes a second. So a limit passes after that many looks,
/// however busy the machine is.
class LookClock {
 public:
  void start() { running_ = true; }
  /// Calls `action` once, at the look after which `seconds` have passed.
  void at(int seconds, std::function<void()> action) {
    const std::lock_guard lock(mutex_);
    when_ = seconds;
    action_ = std::move(action);
  }
  /// Looks without moving it.
  double now() const { return seconds_; }
  double operator()() {
    if (!running_) return 0;
    const int now = ++seconds_;
    std::function<void()> due;
    {
      const std::lock_guard lock(mutex_);
      if (action_ && now >= when_) due = std::exchange(action_, nullptr);
    }
    if (due) due();
    return now;
  }

 private:
  std::atomic<bool> running_{false};
  std::atomic<int> seconds_{0};
  std::mutex mutex_;
  int when_ = 0;
  std::function<void()> action_;
};

/// What a rank's process holds for its communicators.
struct Process {
  collectives::OperationTrace trace;
  LookClock clock;
  std::mutex mutex;
  std::string job_ended;  ///< what end_job was called with
};

/// What a test knows of all ranks.
struct Job {
  explicit Job(int ranks, const fake::Options& options = {})
      : machine(options), processes(static_cast<std::size_t>(ranks)) {}

  Process& of(int rank) { return processes[static_cast<std::size_t>(rank)]; }
  int size() const { return static_cast<int>(processes.size()); }
  /// Runs the ranks; each has chosen its device.
  std::vector<std::string> run(const std::function<void(int rank)>& body) {
    return machine.run(size(), [&](int rank) {
      cudaSetDevice(rank);
      body(rank);
    });
  }

  fake::Machine machine;
  std::vector<Process> processes;
};

/// Called by every rank: rank r has device r. The watch looks every millisecond.
inline collectives::NcclWorldOptions world_options(Job& job, int rank) {
  collectives::NcclWorldOptions options;
  options.rank = rank;
  options.size = job.size();
  options.device = rank;
  options.broadcast = [&job](void* data, std::size_t bytes) { job.machine.broadcast(data, bytes); };
  options.trace = &job.of(rank).trace;
  options.limit_seconds = 20;
  options.poll_seconds = 0.001;
  options.clock = [&job, rank] { return job.of(rank).clock(); };
  return options;
}

/// The same with a job that ends: nothing runs any more afterwards.
inline collectives::NcclWorldOptions ending_world_options(Job& job, int rank) {
  collectives::NcclWorldOptions options = world_options(job, rank);
  options.end_job = [&job, rank](const std::string& message) {
    {
      const std::lock_guard lock(job.of(rank).mutex);
      job.of(rank).job_ended = message;
    }
    job.machine.end_processes();
  };
  return options;
}

inline std::unique_ptr<collectives::Communicator> make_world(Job& job, int rank) {
  return collectives::NcclCommunicator::make_world(world_options(job, rank));
}

}  // namespace trireme::test
