// What answers of the kernel mean: the loops around calls that a signal may interrupt or that may do less than was
// asked. Each takes the call as a function, so that tests can bring a kernel of their own. Private to
// base/file_system.cpp and its test.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace trireme::base {

/// Calls `call()` until it ends otherwise than by -1 with errno EINTR; what it returned then, errno being its.
template <typename Call>
auto retry_interrupted(Call&& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// Whether stat(2), having failed with `code`, says that there is nothing (or nothing that may be seen). Else the disk
/// did not answer, and that must not pass for an answer: a run would start from scratch.
inline bool means_nothing_there(int code) {
  return code != EIO && code != ESTALE && code != ETIMEDOUT && code != ENOMEM && code != EINTR;
}

/// `read(data, length, offset)` is like pread(2) on an open file. Returns how much was read, less than `length` only at
/// the end of the file; -1 with errno after an error.
template <typename Read>
ssize_t read_fully(Read&& read, void* data, std::size_t length, std::uint64_t offset) {
  auto* bytes = static_cast<char*>(data);
  std::size_t done = 0;
  while (done < length) {
    const ssize_t n = retry_interrupted([&] { return read(bytes + done, length - done, offset + done); });
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

/// `write(data, length, offset)` is like pwrite(2) on an open file. 0 when all was written; -1 with errno after an
/// error, part of it may be written then. A write that takes nothing and names no error is one: EIO.
template <typename Write>
int write_fully(Write&& write, const void* data, std::size_t length, std::uint64_t offset) {
  const auto* bytes = static_cast<const char*>(data);
  std::size_t done = 0;
  while (done < length) {
    const ssize_t n = retry_interrupted([&] { return write(bytes + done, length - done, offset + done); });
    if (n == 0) errno = EIO;
    if (n <= 0) return -1;
    done += static_cast<std::size_t>(n);
  }
  return 0;
}

}  // namespace trireme::base
