// Memory for direct I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "base/file_system.hpp"

namespace trireme::base {

/// Holds uninitialised bytes that begin at a multiple of kDirectAlignment. Move-only.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBuffer(std::size_t bytes)
      : bytes_(static_cast<std::byte*>(::operator new(bytes, std::align_val_t(kDirectAlignment)))), size_(bytes) {}

  std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t(kDirectAlignment)); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_ = 0;
};

}  // namespace trireme::base
