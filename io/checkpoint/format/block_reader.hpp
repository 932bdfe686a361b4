// Reads and verifies checksum blocks one at a time, in any order. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"

namespace trireme::checkpoint {

/// Block number `block` of a box.
struct Block {
  const TableBox* box;
  std::uint32_t block;
};

/// Lists all blocks of a checkpoint in the order of BOXES.bin: by tensor, box, place in the box. They point into
/// `table`.
std::vector<Block> blocks_of(const BoxTable& table);
/// Lists the same blocks in the order in which they lie in the shards.
std::vector<Block> blocks_in_file_order(const BoxTable& table);

/// Where a read may take its bytes from.
enum class ReadFrom {
  kCache,  ///< the page cache or the disk, as the kernel chooses
  kDisk,   ///< the disk: a shard's cached pages are dropped before its first read
};

/// For one thread. Holds at most one block and one open shard. Both references must outlive it.
class BlockReader {
 public:
  BlockReader(base::FileSystem& files, const OpenedCheckpoint& opened, ReadFrom from = ReadFrom::kCache)
      : files_(files), opened_(opened), from_(from) {}

  /// Returns the block's bytes, valid until the next call. Throws DamagedCheckpoint naming the tensor and the box, or
  /// base::IoError.
  std::span<const char> read(const Block& block);
  /// The offset of the block's first byte in its shard.
  static std::uint64_t offset_of(const Block& block) { return block.box->offset + block.block * kBlockBytes; }

 private:
  void open(std::uint32_t file);
  /// Reads the block's bytes into the buffer and returns their checksum.
  std::uint32_t fill_buffer(std::uint64_t offset, const std::string& subject);

  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  ReadFrom from_;
  std::unique_ptr<base::File> file_;
  std::uint32_t open_ = 0;
  std::vector<char> buffer_;
};

}  // namespace trireme::checkpoint
