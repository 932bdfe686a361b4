// Progress of reading a checkpoint, on standard error.
#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "launcher/console/progress.hpp"

namespace trireme::launcher {

/// Thread-safe. Wiped at the end.
class ByteProgress {
 public:
  /// `what`: "verifying"; `total` bytes, 0 = not known.
  ByteProgress(const std::string& what, std::uint64_t total) : progress_(stderr, what), total_(total) {}
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;
  ~ByteProgress() { progress_.finish(); }

  /// A checkpoint::ReadProgress that never stops the reading; this object must outlive it.
  auto hear() {
    return [this](std::uint64_t bytes) {
      const std::lock_guard lock(mutex_);
      if (bytes > seen_) seen_ = bytes;
      progress_.update(seen_, total_, base::str(format_bytes(static_cast<double>(seen_)), " read"));
      return true;
    };
  }

 private:
  std::mutex mutex_;
  Progress progress_;
  std::uint64_t total_;
  std::uint64_t seen_ = 0;
};

}  // namespace trireme::launcher
