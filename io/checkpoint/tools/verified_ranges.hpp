// Reads any ranges of a checkpoint's boxes, by several threads, and verifies each checksum block once all of it was
// read. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"

namespace trireme::checkpoint {

/// A reader whose ranges do not fit the stored blocks would have to read each block once for every range that meets it.
/// This one reads pieces of blocks and remembers a checksum for each (4 bytes for 256 KiB): the first read of a block's
/// last missing piece compares their combination with the block's checksum, and later reads of a piece are compared
/// with the first one. So whoever has read all of a box, in whatever ranges and threads, knows that every byte which he
/// got was the stored one. Thread-safe.
class VerifiedRanges {
 public:
  /// Bytes of a piece; the last one of a box is shorter.
  static constexpr std::uint64_t kPieceBytes = 256 << 10;
  /// Takes bytes of a box, in order, valid during the call.
  using Receive = std::function<void(std::span<const char> bytes)>;

  /// Keeps at most `open_files` shards open, at least 1. Both references must outlive it.
  VerifiedRanges(base::FileSystem& files, const OpenedCheckpoint& opened, std::size_t open_files);

  /// Passes on bytes [begin, end) of a box of the checkpoint's table. `buffer` is the calling thread's. Throws
  /// DamagedCheckpoint, naming the tensor and the box, as soon as a checksum differs; base::IoError; what `receive`
  /// throws.
  void read(const TableBox& box, std::uint64_t begin, std::uint64_t end, std::vector<char>& buffer,
            const Receive& receive);

 private:
  /// What is known of a box. Empty until it is read for the first time.
  struct Pieces {
    std::vector<std::uint32_t> checksums;
    std::vector<bool> seen;
    std::vector<std::uint32_t> missing;  ///< pieces, for each block
  };

  std::shared_ptr<base::File> shard(std::uint32_t file);
  /// Reads a whole piece into the buffer and verifies it as far as that is possible yet.
  void read_piece(const TableBox& box, std::uint64_t piece, std::uint64_t length, std::vector<char>& buffer);
  void note(const TableBox& box, std::uint64_t piece, std::uint32_t checksum);

  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  std::size_t open_files_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::shared_ptr<base::File>> shards_;
  std::vector<Pieces> pieces_;  ///< of each box of the table
};

}  // namespace trireme::checkpoint
