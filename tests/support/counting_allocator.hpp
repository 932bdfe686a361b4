// An allocator of host memory that counts what is in use.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "io/checkpoint/save/host_pool.hpp"

namespace trireme::tests {

/// Outlives the memory that it allocates. One thread at a time may use it.
class CountingAllocator {
 public:
  checkpoint::AllocateHost function() {
    return [this](std::size_t bytes) {
      const std::shared_ptr<std::byte> memory = checkpoint::allocate_huge(bytes);
      asked_.push_back(bytes);
      in_use_ += bytes;
      most_ = std::max(most_, in_use_);
      return std::shared_ptr<std::byte>(memory.get(), [this, memory, bytes](std::byte*) { in_use_ -= bytes; });
    };
  }
  const std::vector<std::size_t>& asked() const { return asked_; }
  std::size_t in_use() const { return in_use_; }
  std::size_t most_in_use() const { return most_; }

 private:
  std::vector<std::size_t> asked_;
  std::size_t in_use_ = 0;
  std::size_t most_ = 0;
};

}  // namespace trireme::tests
