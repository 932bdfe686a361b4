#include "io/checkpoint/format/shard_metadata.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/shard.hpp"

namespace trireme::checkpoint {
namespace {

std::vector<base::ByteRange> outside_boxes(const BoxTable& table, std::uint32_t file, std::uint64_t length) {
  std::vector<base::ByteRange> inside;
  for (const auto& box : table.boxes) {
    if (box.file == file) inside.push_back({box.offset, box.offset + table.bytes_of(box)});
  }
  std::ranges::sort(inside, {}, &base::ByteRange::begin);
  return gaps(inside, length);
}

/// Whether to trust that unwritten bytes are zeros, or to read them.
enum class Unwritten { kTrusted, kRead };

class MetadataReader {
 public:
  MetadataReader(base::File& file, std::vector<base::ByteRange> ranges, const MetadataBytes& receive)
      : file_(file), ranges_(std::move(ranges)), receive_(receive) {}

  std::uint64_t length() const {
    std::uint64_t bytes = 0;
    for (const auto& range : ranges_) bytes += range.end - range.begin;
    return bytes;
  }

  /// CRC32C of all ranges, one after the other; nothing when the file ends too early.
  std::optional<std::uint32_t> checksum(Unwritten unwritten) {
    std::uint32_t checksum = 0;
    for (const auto& range : ranges_) {
      for (std::uint64_t at = range.begin; at < range.end;) {
        const base::ByteRange written =
            unwritten == Unwritten::kTrusted ? file_.first_written(at, range.end) : base::ByteRange{at, range.end};
        checksum = base::crc32c_zeros(checksum, written.begin - at);
        for (at = written.begin; at < written.end;) {
          const std::size_t length = std::min<std::uint64_t>(written.end - at, buffer_.size());
          if (file_.pread(buffer_.data(), length, at) != length) return std::nullopt;
          checksum = base::crc32c(buffer_.data(), length, checksum);
          receive_(buffer_.data(), length, at);
          at += length;
        }
      }
    }
    return checksum;
  }

 private:
  base::File& file_;
  std::vector<base::ByteRange> ranges_;
  const MetadataBytes& receive_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 20);
};

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
  return reading(step_directory, subject, [&] {
    const auto opened = files.open(step_directory / shard.name, base::OpenMode::kRead);
    MetadataReader reader(*opened, outside_boxes(table, file, shard.bytes), receive);
    std::optional<std::uint32_t> checksum = reader.checksum(Unwritten::kTrusted);
    // Some file systems report wrongly what was never written (OpenZFS before 2.2.2), so the bytes themselves decide.
    if (checksum != shard.metadata_crc32c) checksum = reader.checksum(Unwritten::kRead);
    if (!checksum) throw DamagedCheckpoint(step_directory, subject, "the file ends too early");
    if (checksum != shard.metadata_crc32c) {
      throw DamagedCheckpoint(step_directory, subject, "the checksum does not match");
    }
    return reader.length();
  });
}

}  // namespace trireme::checkpoint
