// Writes the boxes of a shard to disk. Private to io/checkpoint.
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

/// Writes pieces of one file. Whole pages of long pieces bypass the page cache: they are copied to aligned buffers and
/// checksummed while earlier buffers are being written. The rest, and everything where the file system has no direct
/// I/O, goes through the page cache. One thread at a time may call it.
class BodyWriter {
 public:
  /// `file` must be open for writing and longer than all that will be written. `files` and `file` must outlive the
  /// writer.
  BodyWriter(base::FileSystem& files, const std::filesystem::path& path, base::File& file);
  /// Waits for the writes under way.
  ~BodyWriter();
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  /// Whether the caller may change the bytes once write() has returned, or keeps them until finish(). Kept bytes need
  /// no copy.
  enum class Data { kMayChange, kStays };
  /// Returns the CRC32C of each kBlockBytes of `data`. Throws base::IoError, also for earlier pieces.
  std::vector<std::uint32_t> write(const std::byte* data, std::uint64_t length, std::uint64_t offset,
                                   Data after = Data::kMayChange);
  /// Waits until the kernel or the device has taken everything. Throws like write().
  void finish();

 private:
  /// The longest write request. No request crosses a multiple of it in the file, so two requests never share a stripe
  /// (Lustre) or block (GPFS) of that size or of a size that divides it.
  static constexpr std::uint64_t kChunkBytes = 4 << 20;
  static constexpr std::size_t kUnderWay = 3;

  /// Writes whole pages in another thread.
  void start_direct(const std::byte* data, std::uint64_t length, std::uint64_t offset);
  /// Opens the file for direct I/O the first time a piece is long enough; returns false where that is refused.
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
  std::deque<std::future<void>> under_way_;  ///< the last member, since its destructor waits for the threads
};

}  // namespace trireme::checkpoint
