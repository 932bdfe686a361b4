// Signs of life of a lease while its owner is busy: a step, a validation, a save or a load may take longer than the
// minute after which others believe a silent holder dead.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "io/lease/lease.hpp"

namespace trireme::launcher {

/// Owns a lease and one thread that beats for it every `period` until release() or the end. Thread-safe.
class LeaseKeeper {
 public:
  explicit LeaseKeeper(checkpoint::Lease lease, std::chrono::milliseconds period = std::chrono::seconds(5));
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;
  /// Leaves the file as it is.
  ~LeaseKeeper();

  const checkpoint::LeaseHolder& holder() const { return lease_.holder(); }
  /// False once a beat found the lease in other hands. Reads no file.
  bool kept();
  /// Reads the file.
  bool holds_lease();
  void release();

 private:
  void beat();
  void stop();

  std::mutex mutex_;
  std::condition_variable wake_;
  checkpoint::Lease lease_;
  std::chrono::milliseconds period_;
  bool lost_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trireme::launcher
