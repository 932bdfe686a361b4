// Owns one libhdf5 identifier; defines the error that carries the library's own text.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/error.hpp"

namespace trireme::hdf5 {

/// The same type as libhdf5's hid_t, so that headers need not include hdf5.h.
using Id = std::int64_t;

/// Locks libhdf5 for this thread. The library has one state for the whole process and no locks of its own, so where
/// several threads may use it, each holds this lock from its first call to its last.
[[nodiscard]] std::unique_lock<std::mutex> exclusive_use();

/// A call into libhdf5 that failed: what was done, to which object, and the text of the library's error stack.
class Hdf5Error : public base::Error {
 public:
  using base::Error::Error;
};

/// Owns an identifier. Move-only; the destructor closes it and never throws.
class Handle {
 public:
  using Close = int (*)(Id);

  Handle() = default;
  Handle(Id id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  ~Handle();

  Id id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  /// Closes now. Throws Hdf5Error naming `object` when the library reports a failure.
  void close(const std::string& object);

 private:
  Id id_ = -1;
  Close close_ = nullptr;
};

}  // namespace trireme::hdf5
