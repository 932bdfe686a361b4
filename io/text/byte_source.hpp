// Reads bytes one after another from a file, a pipe or standard input, as they lie there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/file_system.hpp"

namespace trireme::text {

/// A sequential stream of bytes. Not thread-safe.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Reads up to `capacity` bytes; returns 0 only at the end. Throws base::InputError for a damaged or cut-off
  /// compressed stream, base::IoError for a failed read.
  virtual std::size_t read(char* data, std::size_t capacity) = 0;
  /// How many bytes were taken from the file itself (compressed bytes of a compressed file), for progress.
  virtual std::uint64_t consumed() const = 0;
};

/// Shows the first bytes before they are read.
class PeekSource final : public ByteSource {
 public:
  explicit PeekSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// Returns the next `length` bytes, fewer only at the end, without consuming them. Valid until the next call. Waits
  /// for the bytes where the other end of a pipe is slow.
  std::string_view peek(std::size_t length);
  std::size_t read(char* data, std::size_t capacity) override;
  std::uint64_t consumed() const override { return source_->consumed() - (head_.size() - used_); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string head_;
  std::size_t used_ = 0;
  bool ended_ = false;  // remembered, since a terminal would wait for input again
};

/// Whether `path` means standard input: "-", "/dev/stdin", "/dev/fd/0" or "/proc/self/fd/0".
bool is_standard_input(const std::string& path);

/// The name of `path` in messages: "standard input" where it means that.
std::string display_name(const std::string& path);

/// Opens `path`. A FIFO or a device (what a shell's <(…) gives) is read as it comes; opening a FIFO waits for its
/// writer. Throws base::InputError when it is missing, is a directory or a socket, or may not be read.
std::unique_ptr<ByteSource> open_raw_source(base::FileSystem& files, const std::string& path);

/// Reads all bytes of `source`. Throws base::InputError naming `name` when they are more than `limit`.
std::string read_whole(ByteSource& source, const std::string& name, std::size_t limit);

}  // namespace trireme::text
