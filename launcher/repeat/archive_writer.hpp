// A tar archive, compressed or not, that is written as a stream: the only user of libarchive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/file_system.hpp"

namespace trireme::launcher {

enum class Compression { kNone, kGzip, kZstd };

/// By the name's end: .tar, .tar.gz, .tgz, .tar.zst, .tzst. Throws base::InputError, naming these, for another one.
Compression compression_of(const std::string& file_name);

/// Files are added one after the other. Holds a few MiB, however long they are. Errors of the disk are the IoErrors of
/// the file; libarchive's own are base::Error.
class ArchiveWriter {
 public:
  /// Writes to `file` from its start on, which must outlive the writer. `top`: the archive's one directory.
  ArchiveWriter(base::File& file, Compression compression, std::string top);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  /// Begins an ordinary file of exactly `bytes` bytes; the one before is complete. `path`: below the top. `time`:
  /// of its last change, seconds since the epoch.
  void begin(const std::string& path, std::uint64_t bytes, std::int64_t time);
  void write(const char* data, std::size_t length);
  /// "": the top itself.
  void add_directory(const std::string& path, std::int64_t time);
  /// "digest  path" of all files so far, a line each, XXH3-128, as `xxhsum -c` reads it.
  const std::string& digests();
  /// Ends the archive; nothing may be added after it.
  void finish();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace trireme::launcher
