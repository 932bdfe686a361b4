// The bulk of a shard on its way to disk. Private to io/checkpoint.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// Writes pieces of one file. Whole pages of long pieces go past the page cache, from aligned buffers that are filled
/// and checksummed while the last ones are being written; where the file system has no direct I/O, and for the rest,
/// through the page cache. One thread may call it at a time.
class BodyWriter {
 public:
  /// `file`: opened for writing and longer than all that will be written. Both must outlive the writer.
  BodyWriter(base::FileSystem& files, const std::filesystem::path& path, base::File& file);
  /// Waits for what is under way.
  ~BodyWriter();
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  /// Whether the bytes given may change once write() returned, or stay as they are until finish(): then they need no
  /// copy.
  enum class Data { kMayChange, kStays };
  /// Returns the CRC32C of each kBlockBytes of `data`. Throws base::IoError, for earlier pieces too.
  std::vector<std::uint32_t> write(const std::byte* data, std::uint64_t length, std::uint64_t offset,
                                   Data after = Data::kMayChange);
  /// All that was given is with the kernel or on the device. Throws like write().
  void finish();

 private:
  /// Longest request. None crosses a multiple of it in the file, so that a stripe (Lustre) or block (GPFS) of that
  /// size, or of one that it divides, is not shared by two requests.
  static constexpr std::uint64_t kChunkBytes = 4 << 20;
  static constexpr std::size_t kUnderWay = 3;

  /// Whole pages, by a thread.
  void start_direct(const std::byte* data, std::uint64_t length, std::uint64_t offset);
  /// Opens the file for direct I/O once a piece is worth it; false where that is refused.
  bool goes_direct();
  void write_buffered(const std::byte* data, std::uint64_t length, std::uint64_t offset);
  /// Waits until at most `allowed` chunks are under way.
  void wait_for_all_but(std::size_t allowed);

  base::FileSystem& files_;
  std::filesystem::path path_;
  base::File& file_;
  std::unique_ptr<base::File> direct_;
  bool probed_ = false;
  std::array<base::AlignedBuffer, kUnderWay + 1> buffers_;
  std::size_t next_buffer_ = 0;
  std::deque<std::future<void>> under_way_;  ///< last: its destructor waits for the threads
};

}  // namespace trireme::checkpoint
