// Bytes one after another from a file or standard input, decompressed on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

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

/// Opens `path` ("-" = standard input). gzip (any number of members) and Zstandard (any number of frames) are
/// recognised by their first bytes, whatever the name. base::InputError when the file is missing, is a directory,
/// or is named .gz or .zst and holds something else.
std::unique_ptr<ByteSource> open_byte_source(base::FileSystem& files, const std::string& path);

}  // namespace trireme::text
