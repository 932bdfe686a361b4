#include "io/checkpoint/format/block_reader.hpp"

#include <algorithm>
#include <tuple>

#include "base/checksum.hpp"

namespace trireme::checkpoint {

std::vector<Block> blocks_of(const BoxTable& table) {
  std::vector<Block> blocks;
  for (const auto& box : table.boxes) {
    for (std::uint32_t block = 0; block < box.crc32c.size(); ++block) blocks.push_back({&box, block});
  }
  return blocks;
}

std::vector<Block> blocks_in_file_order(const BoxTable& table) {
  std::vector<Block> blocks = blocks_of(table);
  std::ranges::sort(blocks, {},
                    [](const Block& block) { return std::tuple(block.box->file, block.box->offset, block.block); });
  return blocks;
}

std::span<const char> BlockReader::read(const Block& block) {
  const TableBox& box = *block.box;
  const std::uint64_t begin = block.block * kBlockBytes;
  const std::string subject = describe(opened_.table, box);
  buffer_.resize(static_cast<std::size_t>(std::min(kBlockBytes, opened_.table.bytes_of(box) - begin)));
  const std::uint32_t checksum = reading(opened_.path, subject, [&] {
    open(box.file);
    return fill_buffer(box.offset + begin, subject);
  });
  if (checksum != box.crc32c[block.block]) {
    throw DamagedCheckpoint(opened_.path, subject, "the checksum does not match");
  }
  return buffer_;
}

void BlockReader::open(std::uint32_t file) {
  if (file_ && open_ == file) return;
  file_.reset();
  file_ = files_.open(opened_.path / opened_.manifest.files[file].name, base::OpenMode::kRead);
  if (from_ == ReadFrom::kDisk) file_->drop_cache();
  open_ = file;
}

std::uint32_t BlockReader::fill_buffer(std::uint64_t offset, const std::string& subject) {
  constexpr std::size_t kPiece = 1 << 20;  // small enough to be in the cache when its checksum is taken
  std::uint32_t checksum = 0;
  for (std::size_t at = 0; at < buffer_.size();) {
    const std::size_t length = std::min(kPiece, buffer_.size() - at);
    if (file_->pread(buffer_.data() + at, length, offset + at) != length) {
      throw DamagedCheckpoint(opened_.path, subject, "the file ends too early");
    }
    checksum = base::crc32c(buffer_.data() + at, length, checksum);
    at += length;
  }
  return checksum;
}

}  // namespace trireme::checkpoint
