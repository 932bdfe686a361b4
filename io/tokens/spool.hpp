// A growing list of equal-sized elements in a file with a temporary name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::tokens {

/// Appends go through a buffer; every other call flushes it. The destructor removes the file unless it was renamed.
/// Throws base::IoError naming the file (also for a full disk). Not thread-safe.
class Spool {
 public:
  /// Creates a temporary file beside `beside` (base::FileSystem::create_temporary()). Element 0 lies at its byte
  /// `start`.
  Spool(base::FileSystem& files, const std::string& beside, std::size_t element_bytes, std::uint64_t start = 0);
  Spool(Spool&&) noexcept = default;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  std::uint64_t size() const noexcept { return size_; }  ///< number of elements
  std::uint64_t bytes() const noexcept { return size_ * element_bytes_; }
  std::uint64_t start() const noexcept { return start_; }
  const std::string& path() const noexcept { return path_; }

  void append(const void* elements, std::uint64_t count);
  void flush();
  /// Reads elements [first, first + count).
  void read(std::uint64_t first, std::uint64_t count, void* elements);
  /// Keeps the first `count` elements only.
  void shrink(std::uint64_t count);
  /// Appends elements [first, first + count) to `to`, which has the same element size.
  void copy_to(Spool& to, std::uint64_t first, std::uint64_t count);
  /// Moves elements [from, from + count) down to `to` <= `from`.
  void move_down(std::uint64_t from, std::uint64_t count, std::uint64_t to);
  /// Copies all elements to byte `offset` of another file.
  void copy_to(base::File& file, std::uint64_t offset);
  base::File& file() { return *file_; }
  /// Fsyncs and closes the file and gives it its final name, durably.
  void finish(const std::string& final_path);

 private:
  Spool(base::FileSystem& files, base::TemporaryFile temporary, std::size_t element_bytes, std::uint64_t start);

  base::FileSystem* files_;
  std::string path_;
  std::size_t element_bytes_;
  std::uint64_t start_;
  std::unique_ptr<base::File> file_;  // null once finished or moved away
  std::uint64_t size_ = 0;
  std::uint64_t flushed_ = 0;  // number of elements in the file; the others are in buffer_
  std::vector<char> buffer_;
};

}  // namespace trireme::tokens
