// Interprets the kernel's answers: loops around calls that a signal may interrupt or that may do less than was asked.
// Each loop takes the call as a function, so tests can inject a fake one. Private to base/file_system.cpp and its test.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace trireme::base {

/// Repeats `call()` while it returns -1 with errno EINTR, then returns its result and leaves errno as it was set.
template <typename Call>
auto retry_interrupted(Call&& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// Whether `code`, after a failed stat(2), means that nothing is there (or nothing that may be seen). Any other code
/// means that the disk did not answer. Treating that as "nothing there" would make a run start from scratch.
inline bool means_nothing_there(int code) {
  return code != EIO && code != ESTALE && code != ETIMEDOUT && code != ENOMEM && code != EINTR;
}

/// `read(data, length, offset)` works like pread(2) on an open file. Returns the number of bytes read, less than
/// `length` only at the end of the file; -1 with errno after an error.
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

/// `write(data, length, offset)` works like pwrite(2) on an open file. Returns 0 when all was written; -1 with errno
/// after an error, when part of it may have been written. A write of 0 bytes without an error counts as EIO.
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
