#include "io/checkpoint/save/host_pool.hpp"

#include <sys/mman.h>

#include <new>

#include "base/error.hpp"

namespace trireme::checkpoint {

std::shared_ptr<std::byte> allocate_huge(std::size_t bytes) {
  constexpr std::size_t kHugePage = 2 << 20;
  void* memory = ::operator new(bytes, std::align_val_t(kHugePage));
  ::madvise(memory, bytes, MADV_HUGEPAGE);  // a hint
  return {static_cast<std::byte*>(memory), [](std::byte* p) { ::operator delete(p, std::align_val_t(kHugePage)); }};
}

std::byte* HostPool::reserve(std::uint64_t bytes) {
  if (bytes > limit_) throw base::Error(base::str("a pool of ", limit_, " bytes cannot hold ", bytes));
  if (bytes > size_) {
    memory_.reset();  // freed first: old and new memory together would exceed the limit
    size_ = 0;
    memory_ = allocate_(bytes);
    size_ = bytes;
  }
  return memory_.get();
}

}  // namespace trireme::checkpoint
