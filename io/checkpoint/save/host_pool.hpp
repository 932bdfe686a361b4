// The memory in which a snapshot waits to be written. Private to io/checkpoint, except for the allocator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace trireme::checkpoint {

/// Allocates `bytes` of host memory that begin at a multiple of base::kDirectAlignment; the deleter frees them. Throws
/// std::bad_alloc or base::Error.
using AllocateHost = std::function<std::shared_ptr<std::byte>(std::size_t bytes)>;

/// Allocates ordinary memory on huge pages where the system has them: fresh pages cost more than the copy into them. No
/// more than `bytes` is taken: the rest after the last whole huge page lies on small pages.
std::shared_ptr<std::byte> allocate_huge(std::size_t bytes);

/// Holds at most `limit` bytes at any time, and keeps them from save to save. One thread at a time may use it.
class HostPool {
 public:
  HostPool(std::uint64_t limit, AllocateHost allocate) : limit_(limit), allocate_(std::move(allocate)) {}

  std::uint64_t limit() const { return limit_; }
  /// Returns the first `bytes` of the pool; `bytes` must not exceed the limit. When the pool has to grow, its old
  /// content is lost. Throws like the allocator.
  std::byte* reserve(std::uint64_t bytes);

 private:
  std::uint64_t limit_;
  AllocateHost allocate_;
  std::shared_ptr<std::byte> memory_;
  std::uint64_t size_ = 0;
};

}  // namespace trireme::checkpoint
