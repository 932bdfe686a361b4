// Bytes one after another from a file, a pipe or standard input, as they lie there.
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

  /// Up to `capacity` bytes; 0 only at the end. base::InputError for a damaged or cut-off compressed stream,
  /// base::IoError for a failed read.
  virtual std::size_t read(char* data, std::size_t capacity) = 0;
  /// Bytes taken so far from the file itself (compressed bytes of a compressed file): for progress.
  virtual std::uint64_t consumed() const = 0;
};

/// Lets the first bytes be looked at before they are read.
class PeekSource final : public ByteSource {
 public:
  explicit PeekSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// The next `length` bytes, fewer only at the end; they stay to be read. Valid until the next call. Waits for them
  /// where the other end of a pipe is slow.
  std::string_view peek(std::size_t length);
  std::size_t read(char* data, std::size_t capacity) override;
  std::uint64_t consumed() const override { return source_->consumed() - (head_.size() - used_); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string head_;
  std::size_t used_ = 0;
  bool ended_ = false;  // a terminal would wait again after its end
};

/// Whether `path` means standard input: "-", "/dev/stdin", "/dev/fd/0" or "/proc/self/fd/0".
bool is_standard_input(const std::string& path);

/// `path` in messages: "standard input" where it means that.
std::string display_name(const std::string& path);

/// Opens `path`. A FIFO or a device (what a shell's <(…) gives) is read as it comes; opening a FIFO waits for its
/// writer. base::InputError when it is missing, is a directory or a socket, or may not be read.
std::unique_ptr<ByteSource> open_raw_source(base::FileSystem& files, const std::string& path);

/// All bytes of `source`. base::InputError naming `name` when they are more than `limit`.
std::string read_whole(ByteSource& source, const std::string& name, std::size_t limit);

}  // namespace trireme::text
