// Checksum blocks one at a time, in any order, each verified. Private to io/checkpoint.
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

/// All blocks of a checkpoint, ordered as in BOXES.bin: by tensor, box, place in the box. They point into `table`.
std::vector<Block> blocks_of(const BoxTable& table);
/// The same blocks, ordered as they lie in the shards.
std::vector<Block> blocks_in_file_order(const BoxTable& table);

/// What a read may be answered from.
enum class ReadFrom {
  kCache,  ///< or the disk, as the kernel likes
  kDisk,   ///< what the kernel holds of a shard is forgotten before the first read of it
};

/// For one thread. Holds at most one block and one open shard. Both references must outlive it.
class BlockReader {
 public:
  BlockReader(base::FileSystem& files, const OpenedCheckpoint& opened, ReadFrom from = ReadFrom::kCache)
      : files_(files), opened_(opened), from_(from) {}

  /// Its bytes, good until the next call. Throws DamagedCheckpoint naming the tensor and the box, or base::IoError.
  std::span<const char> read(const Block& block);
  /// Of its first byte in the shard.
  static std::uint64_t offset_of(const Block& block) { return block.box->offset + block.block * kBlockBytes; }

 private:
  void open(std::uint32_t file);
  /// The checksum of the block's bytes, read into the buffer.
  std::uint32_t fill_buffer(std::uint64_t offset, const std::string& subject);

  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  ReadFrom from_;
  std::unique_ptr<base::File> file_;
  std::uint32_t open_ = 0;
  std::vector<char> buffer_;
};

}  // namespace trireme::checkpoint
