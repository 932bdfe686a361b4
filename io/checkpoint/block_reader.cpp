#include "io/checkpoint/block_reader.hpp"

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
  const auto length = static_cast<std::size_t>(std::min(kBlockBytes, opened_.table.bytes_of(box) - begin));
  const std::string subject = describe(opened_.table, box);
  buffer_.resize(length);
  const std::size_t got = reading(opened_.path, subject, [&] {
    if (!file_ || open_ != box.file) {
      file_.reset();
      file_ = files_.open(opened_.path / opened_.manifest.files[box.file].name, base::OpenMode::kRead);
      open_ = box.file;
    }
    return file_->pread(buffer_.data(), length, box.offset + begin);
  });
  if (got != length) throw DamagedCheckpoint(opened_.path, subject, "the file ends too early");
  if (base::crc32c(buffer_.data(), length) != box.crc32c[block.block]) {
    throw DamagedCheckpoint(opened_.path, subject, "the checksum does not match");
  }
  return buffer_;
}

}  // namespace trireme::checkpoint
