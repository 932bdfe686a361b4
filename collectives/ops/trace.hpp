// Records what this rank is doing in its collectives: the communicators write it, the watchdog reads it. Recording is a
// few relaxed atomic stores; only opening and closing a group takes a lock, and what the watch over a device writes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collectives/ops/device_progress.hpp"

namespace trireme::collectives {

enum class Operation : std::uint8_t {
  kNone,
  kAllReduce,
  kReduceScatter,
  kAllGather,
  kBroadcast,
  kAllToAll,
  kExchange,
  kBarrier,
  kSplit,
};

/// "all_reduce", "exchange", …
const char* name_of(Operation operation);

/// The trace of one communicator. Collectives are numbered from 1 in the order in which they start, the same on all
/// ranks. Exchanges are numbered separately, and two peers may number the same exchange differently.
class GroupTrace {
 public:
  /// `ranks`: world ranks in the order of the group. `instance`: how many groups with this name and these ranks were
  /// opened before.
  GroupTrace(std::string name, std::vector<int> ranks, int instance)
      : name_(std::move(name)), ranks_(std::move(ranks)), instance_(instance) {}

  const std::string& name() const { return name_; }
  const std::vector<int>& ranks() const { return ranks_; }
  int instance() const { return instance_; }

  /// Called when an operation starts; returns its number.
  std::uint64_t start(Operation operation);
  /// begin_wait() and end_wait() enclose the blocking part of an operation. `peer` is a group rank, -1 for collectives.
  void begin_wait(Operation operation, std::uint64_t number, int peer);
  void end_wait();
  /// Seconds between begin_wait() and end_wait(), all together.
  double waited_seconds() const { return 1e-9 * static_cast<double>(waited_.load(std::memory_order_relaxed)); }

  /// What a group of device memory is seen to have come to.
  void set_device(const DeviceState& state);
  /// Nothing in host memory, and before the first look at a device.
  std::optional<DeviceState> device() const;

  std::uint64_t collectives_started() const { return collectives_.load(std::memory_order_relaxed); }
  Operation last_collective() const { return last_.load(std::memory_order_relaxed); }
  /// kNone when this rank waits for nothing in this group.
  Operation waiting() const { return waiting_.load(std::memory_order_acquire); }
  std::uint64_t waiting_number() const { return waiting_number_.load(std::memory_order_relaxed); }
  int waiting_peer() const { return waiting_peer_.load(std::memory_order_relaxed); }

 private:
  std::string name_;
  std::vector<int> ranks_;
  int instance_;
  std::atomic<std::uint64_t> collectives_{0};
  std::atomic<std::uint64_t> exchanges_{0};
  std::atomic<Operation> last_{Operation::kNone};
  std::atomic<Operation> waiting_{Operation::kNone};
  std::atomic<std::uint64_t> waiting_number_{0};
  std::atomic<int> waiting_peer_{-1};
  std::chrono::steady_clock::time_point wait_began_;  ///< of the thread that waits
  std::atomic<std::int64_t> waited_{0};               ///< nanoseconds
  mutable std::mutex device_mutex_;
  std::optional<DeviceState> device_;
};

/// The traces of all groups of one rank. Thread-safe.
class OperationTrace {
 public:
  std::shared_ptr<GroupTrace> open(const std::string& name, const std::vector<int>& ranks);
  /// The groups that still exist, in the order in which they were opened.
  std::vector<std::shared_ptr<GroupTrace>> groups() const;
  /// GroupTrace::waited_seconds() of all groups that exist but those called `left_out`.
  double waited_seconds(const std::vector<std::string>& left_out) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<GroupTrace>> groups_;
  std::vector<std::pair<std::string, std::vector<int>>> opened_;
};

}  // namespace trireme::collectives
