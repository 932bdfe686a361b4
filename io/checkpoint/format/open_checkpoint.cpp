#include "io/checkpoint/format/open_checkpoint.hpp"

#include <cerrno>
#include <utility>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/hub_file.hpp"

namespace trireme::checkpoint {
namespace {

std::string read_bounded(base::FileSystem& files, const std::filesystem::path& path, std::uint64_t limit) {
  const auto file = files.open(path, base::OpenMode::kRead);
  // Reading one byte more than allowed is enough to see that the file is too long.
  std::string content(std::min<std::uint64_t>(file->size(), limit + 1), '\0');
  content.resize(file->pread(content.data(), content.size(), 0));
  return content;
}

std::string read_manifest(base::FileSystem& files, const std::filesystem::path& step_directory) {
  return reading(step_directory, kManifestName, [&] {
    if (!files.is_directory(step_directory)) {
      if (files.exists(step_directory)) {
        throw DamagedCheckpoint(step_directory, kManifestName, base::str(step_directory.string(), " is no directory"));
      }
      throw base::InputError(base::str("there is no checkpoint directory ", step_directory.string()));
    }
    return read_bounded(files, step_directory / kManifestName, kManifestLimit);
  });
}

}  // namespace

bool means_damage(int code) {
  // ENXIO and ESPIPE mean that a socket or a pipe is in the file's place.
  return code == ENOENT || code == ENOTDIR || code == EISDIR || code == EIO || code == ELOOP || code == ENXIO ||
         code == ESPIPE;
}

OpenedCheckpoint open_checkpoint(base::FileSystem& files, const std::filesystem::path& step_directory) {
  OpenedCheckpoint opened = open_tables(files, step_directory);
  for (const auto& shard : opened.manifest.files) check_length(files, step_directory, shard);
  return opened;
}

OpenedCheckpoint open_tables(base::FileSystem& files, const std::filesystem::path& step_directory) {
  std::string text = read_manifest(files, step_directory);
  const Manifest manifest = parse_manifest(text, step_directory);
  std::string boxes = reading(step_directory, kBoxesName,
                              [&] { return read_bounded(files, step_directory / kBoxesName, manifest.boxes_bytes); });
  if (boxes.size() != manifest.boxes_bytes) {
    throw DamagedCheckpoint(step_directory, kBoxesName, base::str("it is not ", manifest.boxes_bytes, " bytes long"));
  }
  if (base::xxh3_hex(boxes) != manifest.boxes_xxh3) {
    throw DamagedCheckpoint(step_directory, kBoxesName, "its checksum does not match");
  }
  return parse_checkpoint(std::move(text), std::move(boxes), step_directory);
}

Manifest open_manifest(base::FileSystem& files, const std::filesystem::path& step_directory) {
  return parse_manifest(read_manifest(files, step_directory), step_directory);
}

void check_length(base::FileSystem& files, const std::filesystem::path& step_directory, const ShardFile& shard) {
  const std::string subject = "metadata of " + shard.name;
  const std::uint64_t size = reading(
      step_directory, subject, [&] { return files.open(step_directory / shard.name, base::OpenMode::kRead)->size(); });
  if (size != shard.bytes) {
    throw DamagedCheckpoint(step_directory, subject,
                            base::str("the file is ", size, " bytes long instead of ", shard.bytes));
  }
}

OpenedCheckpoint parse_checkpoint(std::string manifest_text, std::string boxes_bytes,
                                  const std::filesystem::path& step_directory) {
  OpenedCheckpoint opened{step_directory, parse_manifest(manifest_text, step_directory), {}, {}, {}};
  std::vector<std::uint64_t> lengths;
  for (const auto& shard : opened.manifest.files) lengths.push_back(shard.bytes);
  opened.table = parse_boxes(boxes_bytes, lengths, opened.manifest.version, step_directory);
  try {
    check_coverage(opened.table);
    check_hub_holds_no_box(opened.manifest, opened.table);
  } catch (const base::Error& error) {
    throw DamagedCheckpoint(step_directory, kBoxesName, error.what());
  }
  opened.manifest_text = std::move(manifest_text);
  opened.boxes_bytes = std::move(boxes_bytes);
  return opened;
}

}  // namespace trireme::checkpoint
