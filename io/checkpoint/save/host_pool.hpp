// Memory in which a snapshot waits to be written. Private to io/checkpoint, but for the allocator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace trireme::checkpoint {

/// Makes `bytes` of host memory that begin at a multiple of base::kDirectAlignment; the deleter frees them. Throws
/// std::bad_alloc or base::Error.
using AllocateHost = std::function<std::shared_ptr<std::byte>(std::size_t bytes)>;

/// Ordinary memory on huge pages where the system has them: fresh pages cost more than what is copied into them.
std::shared_ptr<std::byte> allocate_huge(std::size_t bytes);

/// At most `limit` bytes, kept from save to save. One thread may use it at a time.
class HostPool {
 public:
  HostPool(std::uint64_t limit, AllocateHost allocate) : limit_(limit), allocate_(std::move(allocate)) {}

  std::uint64_t limit() const { return limit_; }
  /// The first `bytes` of the pool, which must not exceed the limit; what was there before is lost when it grows.
  /// Throws like the allocator.
  std::byte* reserve(std::uint64_t bytes);

 private:
  std::uint64_t limit_;
  AllocateHost allocate_;
  std::shared_ptr<std::byte> memory_;
  std::uint64_t size_ = 0;
};

}  // namespace trireme::checkpoint
