#include "io/checkpoint/tools/stream.hpp"

#include <algorithm>
#include <vector>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"

namespace trireme::checkpoint {
namespace {

/// The bytes of one shard that lie in no box, as they come by.
class Gaps {
 public:
  Gaps(base::FileSystem& files, const OpenedCheckpoint& opened, const ShardFile& shard, const FileBytes& receive)
      : shard_(shard), opened_(opened), receive_(receive), buffer_(kPiece) {
    file_ = reading(opened.path, subject(),
                    [&] { return files.open_own(opened.path / shard.name, base::OpenMode::kRead); });
  }

  /// Passes on [at, end).
  void pass(std::uint64_t at, std::uint64_t end) {
    while (at < end) {
      const std::size_t length = std::min<std::uint64_t>(end - at, buffer_.size());
      const std::size_t got =
          reading(opened_.path, subject(), [&] { return file_->pread(buffer_.data(), length, at); });
      if (got != length) throw DamagedCheckpoint(opened_.path, subject(), "the file ends too early");
      checksum_ = base::crc32c(buffer_.data(), length, checksum_);
      receive_(buffer_.data(), length);
      at += length;
    }
  }

  void check() const {
    if (checksum_ == shard_.metadata_crc32c) return;
    throw DamagedCheckpoint(opened_.path, subject(), "its checksum differs");
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::string subject() const { return "metadata of " + shard_.name; }

  const ShardFile& shard_;
  const OpenedCheckpoint& opened_;
  const FileBytes& receive_;
  std::vector<char> buffer_;
  std::unique_ptr<base::File> file_;
  std::uint32_t checksum_ = 0;
};

}  // namespace

void stream(base::FileSystem& files, const std::filesystem::path& step_directory, const BeginFile& begin,
            const FileBytes& receive) {
  const OpenedCheckpoint opened = open_checkpoint(files, step_directory);
  const std::vector<Block> blocks = blocks_in_file_order(opened.table);
  BlockReader reader(files, opened);
  auto block = blocks.begin();
  for (std::uint32_t i = 0; i < opened.manifest.files.size(); ++i) {
    const ShardFile& shard = opened.manifest.files[i];
    begin(shard.name, shard.bytes);
    Gaps gaps(files, opened, shard, receive);
    std::uint64_t at = 0;
    for (; block != blocks.end() && block->box->file == i; ++block) {
      const auto bytes = reader.read(*block);
      gaps.pass(at, BlockReader::offset_of(*block));
      receive(bytes.data(), bytes.size());
      at = BlockReader::offset_of(*block) + bytes.size();
    }
    gaps.pass(at, shard.bytes);
    gaps.check();
  }
  begin(kBoxesName, opened.boxes_bytes.size());
  receive(opened.boxes_bytes.data(), opened.boxes_bytes.size());
  begin(kManifestName, opened.manifest_text.size());
  receive(opened.manifest_text.data(), opened.manifest_text.size());
}

}  // namespace trireme::checkpoint
