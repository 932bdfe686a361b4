// Opens a step directory without reading its data.
#pragma once

#include <filesystem>
#include <string>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

struct OpenedCheckpoint {
  std::filesystem::path path;
  Manifest manifest;
  BoxTable table;
  std::string manifest_text;  ///< the files' bytes, as verified
  std::string boxes_bytes;
};

/// Reads and verifies MANIFEST.json and BOXES.bin and compares the lengths of the shards. Throws DamagedCheckpoint;
/// base::InputError when there is no such directory or its format is of a later version; base::IoError for an error of
/// the file system that is not damage (permission denied, …).
OpenedCheckpoint open_checkpoint(base::FileSystem& files, const std::filesystem::path& step_directory);

/// The same, without looking at the shards.
OpenedCheckpoint open_tables(base::FileSystem& files, const std::filesystem::path& step_directory);

/// Reads and verifies MANIFEST.json only.
Manifest open_manifest(base::FileSystem& files, const std::filesystem::path& step_directory);

/// Throws DamagedCheckpoint ("metadata of FILE") unless the shard is there with exactly its length.
void check_length(base::FileSystem& files, const std::filesystem::path& step_directory, const ShardFile& shard);

/// Parses bytes that another rank has read and verified.
OpenedCheckpoint parse_checkpoint(std::string manifest_text, std::string boxes_bytes,
                                  const std::filesystem::path& step_directory);

/// Runs `read`. An IoError that means damage (missing, not a file, input/output error) becomes a DamagedCheckpoint of
/// `subject`; other errors pass.
template <typename Read>
auto reading(const std::filesystem::path& step_directory, const std::string& subject, Read&& read) -> decltype(read());

/// Whether the errno value `code` means that the file is not what was written.
bool means_damage(int code);

template <typename Read>
auto reading(const std::filesystem::path& step_directory, const std::string& subject, Read&& read) -> decltype(read()) {
  try {
    return read();
  } catch (const base::IoError& error) {
    if (!means_damage(error.code())) throw;
    throw DamagedCheckpoint(step_directory, subject, error.what());
  }
}

}  // namespace trireme::checkpoint
