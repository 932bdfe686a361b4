#include "io/checkpoint/open_checkpoint.hpp"

#include <cerrno>
#include <utility>

#include "base/checksum.hpp"
#include "base/error.hpp"

namespace trireme::checkpoint {
namespace {

std::string read_bounded(base::FileSystem& files, const std::filesystem::path& path, std::uint64_t limit) {
  const auto file = files.open(path, base::OpenMode::kRead);
  // One byte more than allowed is enough to see that it is too long.
  std::string content(std::min<std::uint64_t>(file->size(), limit + 1), '\0');
  content.resize(file->pread(content.data(), content.size(), 0));
  return content;
}

}  // namespace

bool means_damage(int code) {
  return code == ENOENT || code == ENOTDIR || code == EISDIR || code == EIO || code == ELOOP;
}

OpenedCheckpoint open_checkpoint(base::FileSystem& files, const std::filesystem::path& step_directory) {
  if (!files.is_directory(step_directory)) {
    throw base::InputError(base::str("there is no checkpoint directory ", step_directory.string()));
  }
  std::string text = reading(step_directory, kManifestName,
                             [&] { return read_bounded(files, step_directory / kManifestName, kManifestLimit); });
  const Manifest manifest = parse_manifest(text, step_directory);
  std::string boxes = reading(step_directory, kBoxesName,
                              [&] { return read_bounded(files, step_directory / kBoxesName, manifest.boxes_bytes); });
  if (boxes.size() != manifest.boxes_bytes) {
    throw DamagedCheckpoint(step_directory, kBoxesName, base::str("it is not ", manifest.boxes_bytes, " bytes long"));
  }
  if (base::xxh3_hex(boxes) != manifest.boxes_xxh3) {
    throw DamagedCheckpoint(step_directory, kBoxesName, "its checksum does not match");
  }
  for (const auto& shard : manifest.files) {
    const std::uint64_t size = reading(step_directory, shard.name, [&] {
      return files.open(step_directory / shard.name, base::OpenMode::kRead)->size();
    });
    if (size != shard.bytes) {
      throw DamagedCheckpoint(step_directory, shard.name,
                              base::str("it is ", size, " bytes long instead of ", shard.bytes));
    }
  }
  return parse_checkpoint(std::move(text), std::move(boxes), step_directory);
}

OpenedCheckpoint parse_checkpoint(std::string manifest_text, std::string boxes_bytes,
                                  const std::filesystem::path& step_directory) {
  OpenedCheckpoint opened{step_directory, parse_manifest(manifest_text, step_directory), {}, {}, {}};
  std::vector<std::uint64_t> lengths;
  for (const auto& shard : opened.manifest.files) lengths.push_back(shard.bytes);
  opened.table = parse_boxes(boxes_bytes, lengths, step_directory);
  try {
    check_coverage(opened.table);
  } catch (const base::Error& error) {
    throw DamagedCheckpoint(step_directory, kBoxesName, error.what());
  }
  opened.manifest_text = std::move(manifest_text);
  opened.boxes_bytes = std::move(boxes_bytes);
  return opened;
}

}  // namespace trireme::checkpoint
