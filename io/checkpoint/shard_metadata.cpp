#include "io/checkpoint/shard_metadata.hpp"

#include <algorithm>
#include <vector>

#include "base/checksum.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/open_checkpoint.hpp"
#include "io/checkpoint/shard.hpp"

namespace trireme::checkpoint {
namespace {

std::vector<ByteRange> outside_boxes(const BoxTable& table, std::uint32_t file, std::uint64_t length) {
  std::vector<ByteRange> inside;
  for (const auto& box : table.boxes) {
    if (box.file == file) inside.push_back({box.offset, box.offset + table.bytes_of(box)});
  }
  std::sort(inside.begin(), inside.end(), [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  return gaps(inside, length);
}

}  // namespace

std::uint64_t check_metadata(base::FileSystem& files, const std::filesystem::path& step_directory,
                             const Manifest& manifest, const BoxTable& table, std::uint32_t file) {
  return read_metadata(files, step_directory, manifest, table, file, [](const char*, std::size_t, std::uint64_t) {});
}

std::uint64_t read_metadata(base::FileSystem& files, const std::filesystem::path& step_directory,
                            const Manifest& manifest, const BoxTable& table, std::uint32_t file,
                            const MetadataBytes& receive) {
  const ShardFile& shard = manifest.files[file];
  const std::string subject = "metadata of " + shard.name;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;
  const auto opened =
      reading(step_directory, subject, [&] { return files.open(step_directory / shard.name, base::OpenMode::kRead); });
  std::vector<char> buffer(std::size_t{1} << 20);
  for (const ByteRange& range : outside_boxes(table, file, shard.bytes)) {
    for (std::uint64_t at = range.begin; at < range.end;) {
      const std::size_t length = std::min<std::uint64_t>(range.end - at, buffer.size());
      if (reading(step_directory, subject, [&] { return opened->pread(buffer.data(), length, at); }) != length) {
        throw DamagedCheckpoint(step_directory, subject, "the file ends too early");
      }
      checksum = base::crc32c(buffer.data(), length, checksum);
      receive(buffer.data(), length, at);
      at += length;
      bytes += length;
    }
  }
  if (checksum != shard.metadata_crc32c) {
    throw DamagedCheckpoint(step_directory, subject, "the checksum does not match");
  }
  return bytes;
}

}  // namespace trireme::checkpoint
