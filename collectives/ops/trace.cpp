#include "collectives/ops/trace.hpp"

#include <algorithm>

namespace trireme::collectives {

const char* name_of(Operation operation) {
  switch (operation) {
    case Operation::kNone: return "none";
    case Operation::kAllReduce: return "all_reduce";
    case Operation::kReduceScatter: return "reduce_scatter";
    case Operation::kAllGather: return "all_gather";
    case Operation::kBroadcast: return "broadcast";
    case Operation::kAllToAll: return "all_to_all";
    case Operation::kExchange: return "exchange";
    case Operation::kBarrier: return "barrier";
    case Operation::kSplit: return "split";
  }
  return "?";
}

std::uint64_t GroupTrace::start(Operation operation) {
  if (operation == Operation::kExchange) return exchanges_.fetch_add(1, std::memory_order_relaxed) + 1;
  last_.store(operation, std::memory_order_relaxed);
  return collectives_.fetch_add(1, std::memory_order_relaxed) + 1;
}

void GroupTrace::begin_wait(Operation operation, std::uint64_t number, int peer) {
  waiting_number_.store(number, std::memory_order_relaxed);
  waiting_peer_.store(peer, std::memory_order_relaxed);
  wait_began_ = std::chrono::steady_clock::now();
  waiting_.store(operation, std::memory_order_release);
}

void GroupTrace::set_device(const DeviceState& state) {
  const std::lock_guard lock(device_mutex_);
  device_ = state;
}

std::optional<DeviceState> GroupTrace::device() const {
  const std::lock_guard lock(device_mutex_);
  return device_;
}

void GroupTrace::end_wait() {
  const std::chrono::nanoseconds waited = std::chrono::steady_clock::now() - wait_began_;
  waited_.fetch_add(waited.count(), std::memory_order_relaxed);
  waiting_.store(Operation::kNone, std::memory_order_release);
}

std::shared_ptr<GroupTrace> OperationTrace::open(const std::string& name, const std::vector<int>& ranks) {
  const std::lock_guard lock(mutex_);
  const auto instance = std::count(opened_.begin(), opened_.end(), std::pair(name, ranks));
  opened_.emplace_back(name, ranks);
  std::erase_if(groups_, [](const auto& group) { return group.expired(); });
  auto group = std::make_shared<GroupTrace>(name, ranks, static_cast<int>(instance));
  groups_.push_back(group);
  return group;
}

std::vector<std::shared_ptr<GroupTrace>> OperationTrace::groups() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<GroupTrace>> living;
  for (const auto& group : groups_) {
    if (auto trace = group.lock()) living.push_back(std::move(trace));
  }
  return living;
}

double OperationTrace::waited_seconds(const std::vector<std::string>& left_out) const {
  double seconds = 0.0;
  for (const auto& group : groups()) {
    if (std::ranges::count(left_out, group->name()) == 0) seconds += group->waited_seconds();
  }
  return seconds;
}

}  // namespace trireme::collectives
