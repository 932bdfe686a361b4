#include "io/checkpoint/save/whole_writer.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "base/aligned_buffer.hpp"
#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/box_table_layout.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/checkpoint/format/shard.hpp"
#include "io/checkpoint/save/written_file.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

constexpr const char* kFolder = "node_0";

/// What is filled at once. A transposed matrix is read in long pieces only where all of it is wanted.
constexpr std::uint32_t kBlocksAtOnce = 2;

/// Checksum blocks [first, end) of a tensor.
struct Part {
  std::size_t tensor;
  std::uint32_t first;
  std::uint32_t end;
};

/// Where a tensor goes.
struct TensorPlace {
  std::uint32_t file;
  std::uint64_t offset;
};

std::uint64_t bytes_of(const WholeTensor& tensor) {
  return static_cast<std::uint64_t>(topology::elements_of(tensor.shape)) * size_of(tensor.dtype);
}

class Writing {
 public:
  Writing(base::FileSystem& files, const Path& directory, Manifest& manifest, const WholeWriting& what)
      : files_(files), directory_(directory), manifest_(manifest), what_(what), places_(what.tensors.size()) {}

  std::uint64_t run() {
    files_.create_directory(directory_ / kFolder);
    make_shards();
    start_table();
    write_blocks();
    files_.sync_directory(directory_ / kFolder);
    finish_tables();
    files_.sync_directory(directory_);
    return total_;
  }

 private:
  void make_shards() {
    std::vector<ShardBox> boxes;
    std::uint64_t bytes = 0;
    std::size_t first = 0;
    for (std::size_t t = 0; t < what_.tensors.size(); ++t) {
      const WholeTensor& tensor = what_.tensors[t];
      boxes.push_back({kParam, tensor.name, tensor.shape, tensor.dtype, topology::whole(tensor.shape)});
      bytes += bytes_of(tensor);
      if (bytes < what_.shard_bytes && t + 1 < what_.tensors.size()) continue;
      make_shard(boxes, first);
      first = t + 1;
      boxes.clear();
      bytes = 0;
    }
  }

  void make_shard(const std::vector<ShardBox>& boxes, std::size_t first) {
    const auto number = static_cast<std::uint32_t>(manifest_.files.size());
    const std::string name = base::str(kFolder, "/shard_", number, ".h5");
    const ShardLayout layout = lay_out_shard(name, boxes);
    const auto file = files_.open(directory_ / name, base::OpenMode::kCreateExclusive);
    file->allocate(layout.image.length());
    layout.image.write_to(*file);
    file->sync();
    file->close();
    manifest_.files.push_back({name, layout.image.length(), layout.metadata_crc32c});
    total_ += layout.image.length();
    for (std::size_t i = 0; i < boxes.size(); ++i) places_[first + i] = {number, layout.offsets[i]};
  }

  /// Tensors in the table's order, with room for each block's checksum.
  void start_table() {
    std::vector<std::size_t> order(what_.tensors.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return what_.tensors[i].name; });
    box_of_.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const WholeTensor& tensor = what_.tensors[order[i]];
      const auto blocks = static_cast<std::size_t>((bytes_of(tensor) + kBlockBytes - 1) / kBlockBytes);
      table_.tensors.push_back({kParam, tensor.name, tensor.shape, tensor.dtype});
      table_.boxes.push_back({static_cast<std::uint32_t>(i), places_[order[i]].file, topology::whole(tensor.shape),
                              places_[order[i]].offset, std::vector<std::uint32_t>(blocks, 0)});
      box_of_[order[i]] = i;
    }
    order_boxes(table_);
  }

  void write_blocks() {
    std::vector<Part> parts;
    for (std::size_t t = 0; t < what_.tensors.size(); ++t) {
      const auto blocks = static_cast<std::uint32_t>(table_.boxes[box_of_[t]].crc32c.size());
      for (std::uint32_t first = 0; first < blocks; first += kBlocksAtOnce) {
        parts.push_back({t, first, std::min(first + kBlocksAtOnce, blocks)});
      }
    }
    std::mutex mutex;
    std::vector<std::shared_ptr<WrittenFile>> shards;
    for_each_part(parts.size(), what_.threads, [&]() -> PartWorker {
      const auto shard = std::make_shared<WrittenFile>(files_);
      const auto buffer = std::make_shared<base::AlignedBuffer>(kBlocksAtOnce * kBlockBytes);
      const std::lock_guard lock(mutex);
      shards.push_back(shard);
      return [this, &parts, shard, buffer, fill = what_.make_fill()](std::size_t i) {
        write_part(parts[i], fill, *buffer, *shard);
      };
    });
    for_each_part(shards.size(), what_.threads,
                  [&]() -> PartWorker { return [&](std::size_t i) { shards[i]->finish(); }; });
  }

  void write_part(const Part& part, const FillBlock& fill, const base::AlignedBuffer& buffer, WrittenFile& shard) {
    const WholeTensor& tensor = what_.tensors[part.tensor];
    const std::uint64_t begin = part.first * kBlockBytes;
    const std::uint64_t length = std::min(part.end * kBlockBytes, bytes_of(tensor)) - begin;
    const std::size_t element = size_of(tensor.dtype);
    fill(part.tensor, static_cast<std::int64_t>(begin / element), static_cast<std::int64_t>(length / element),
         buffer.data());
    const TensorPlace& place = places_[part.tensor];
    BodyWriter& body = shard.of(directory_ / manifest_.files[place.file].name);
    const std::vector<std::uint32_t> checksums = body.write(buffer.data(), length, place.offset + begin);
    std::ranges::copy(checksums, table_.boxes[box_of_[part.tensor]].crc32c.begin() + part.first);
    if (!what_.progress(written_ += length)) throw base::Stopped("the writing was stopped");
  }

  void finish_tables() {
    if (!what_.hub.empty()) {
      manifest_.files.push_back(hub_entry(what_.hub));
      write_synced(kHubName, what_.hub);
    }
    const std::string boxes = to_bytes(table_, manifest_.files.size());
    manifest_.boxes_bytes = boxes.size();
    manifest_.boxes_xxh3 = base::xxh3_hex(boxes);
    write_synced(kBoxesName, boxes);
    write_synced(kManifestName, to_text(manifest_));
  }

  void write_synced(const char* name, const std::string& content) {
    const auto file = files_.open(directory_ / name, base::OpenMode::kCreateExclusive);
    file->pwrite(content.data(), content.size(), 0);
    file->sync();
    file->close();
    total_ += content.size();
  }

  base::FileSystem& files_;
  const Path& directory_;
  Manifest& manifest_;
  const WholeWriting& what_;
  std::vector<TensorPlace> places_;  ///< of each tensor, as given
  std::vector<std::size_t> box_of_;  ///< index of its box in the table
  BoxTable table_;
  std::uint64_t total_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
};

void check_names(const std::vector<WholeTensor>& tensors) {
  for (const WholeTensor& tensor : tensors) {
    const bool good = is_tensor_name(tensor.name) && tensor.shape.size() <= kMaxDims && is_stored_type(tensor.dtype) &&
                      topology::elements_of(tensor.shape) > 0;
    if (!good) throw base::Error(base::str("a checkpoint cannot hold the tensor ", tensor.name));
  }
}

}  // namespace

std::uint64_t write_whole(base::FileSystem& files, const Path& directory, Manifest manifest,
                          const WholeWriting& writing) {
  check_names(writing.tensors);
  manifest.files.clear();
  return Writing(files, directory, manifest, writing).run();
}

}  // namespace trireme::checkpoint
