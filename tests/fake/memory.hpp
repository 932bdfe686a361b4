// Device memory: what was allocated, by whom, and what lies where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>

namespace trireme::fake {

/// Fills memory that holds no result.
inline constexpr int kNothing = 0xFF;

struct Range {
  const char* begin = nullptr;
  std::size_t bytes = 0;
  bool touches(const Range& other) const {
    return bytes > 0 && other.bytes > 0 && begin < other.begin + other.bytes && other.begin < begin + bytes;
  }
};

/// These do what memcpy and memset do, and accept no address where there is nothing to do.
inline void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
inline void fill_bytes(void* data, int value, std::size_t bytes) {
  if (bytes > 0) std::memset(data, value, bytes);
}

struct Allocation {
  std::size_t bytes;
  int device;
  int rank;
  std::unique_ptr<char[]> data;
};

/// Host memory that is registered with the runtime.
struct Pinned {
  std::size_t bytes;
  int rank;
};

class Memory {
 public:
  void* allocate(std::size_t bytes, int device, int rank);
  /// Returns false when nothing that is allocated begins there.
  bool release(void* data);
  const Allocation* find(const void* data) const;
  /// What is wrong with using these bytes on `device`, "" = nothing.
  std::string refusal(const Range& range, int device) const;
  const std::map<const char*, Allocation>& all() const { return allocations_; }

  /// Returns false when some of the bytes are pinned already.
  bool pin(const Range& range, int rank);
  /// Returns false when nothing that is pinned begins there.
  bool unpin(const void* data) { return pinned_.erase(static_cast<const char*>(data)) == 1; }
  const std::map<const char*, Pinned>& pinned() const { return pinned_; }

 private:
  const Allocation* containing(const char* data, const char** begin) const;
  std::map<const char*, Allocation> allocations_;
  std::map<const char*, Pinned> pinned_;
};

}  // namespace trireme::fake
