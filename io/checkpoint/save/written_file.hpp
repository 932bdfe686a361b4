// Lets one thread write pieces of several files, one file at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/file_system.hpp"
#include "io/checkpoint/save/body_writer.hpp"

namespace trireme::checkpoint {

/// Holds one open file, which is fsynced by the descriptor that wrote it before the next one is opened: that is the one
/// that learns of a failed write. For one thread.
class WrittenFile {
 public:
  /// `files` must outlive it.
  explicit WrittenFile(base::FileSystem& files) : files_(files) {}

  /// What writes `path`, which must be there in its whole length; valid until another path is asked for.
  BodyWriter& of(const std::filesystem::path& path);
  /// The same file, for writes through the page cache alone.
  base::File& file_of(const std::filesystem::path& path);
  /// Waits for the writes, fsyncs and closes. Throws base::IoError.
  void finish();

 private:
  base::FileSystem& files_;
  std::filesystem::path path_;
  std::unique_ptr<base::File> file_;
  std::optional<BodyWriter> body_;
};

}  // namespace trireme::checkpoint
