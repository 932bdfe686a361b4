#include "launcher/run_directory/lease_keeper.hpp"

#include <utility>

namespace trireme::launcher {

LeaseKeeper::LeaseKeeper(checkpoint::Lease lease, std::chrono::milliseconds period)
    : lease_(std::move(lease)), period_(period), thread_([this] { beat(); }) {}

LeaseKeeper::~LeaseKeeper() { stop(); }

void LeaseKeeper::beat() {
  std::unique_lock lock(mutex_);
  while (!lost_ && !wake_.wait_for(lock, period_, [this] { return stopping_; })) lost_ = !lease_.heartbeat();
}

void LeaseKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool LeaseKeeper::kept() {
  const std::lock_guard lock(mutex_);
  return !lost_;
}

bool LeaseKeeper::holds_lease() {
  const std::lock_guard lock(mutex_);
  return !lost_ && lease_.holds_lease();
}

void LeaseKeeper::release() {
  stop();
  lease_.release();
}

}  // namespace trireme::launcher
