// MANIFEST.json: what a checkpoint is and which files make it (docs/checkpoint_format.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::checkpoint {

inline constexpr const char* kManifestName = "MANIFEST.json";
inline constexpr const char* kBoxesName = "BOXES.bin";
inline constexpr std::int64_t kFormatVersion = 2;                     ///< what is written; version 1 is read too
inline constexpr std::size_t kManifestLimit = 1 << 20;                ///< bytes
inline constexpr std::uint64_t kBoxesLimit = std::uint64_t{1} << 30;  ///< bytes of BOXES.bin: it is read as a whole

/// One shard.
struct ShardFile {
  std::string name;                   ///< relative to the step directory: "node_0/shard_0.h5"
  std::uint64_t bytes = 0;            ///< exact length
  std::uint32_t metadata_crc32c = 0;  ///< CRC32C of all bytes outside boxes, in file order
};

struct Manifest {
  std::int64_t version = kFormatVersion;  ///< as read; to_text() writes kFormatVersion
  std::int64_t step = 0;
  std::string run_id;
  std::int64_t attempt = 0;
  std::string job;
  std::string created;  ///< UTC, "2026-01-31T12:00:00Z"
  std::string options;  ///< resolved options as INI text
  base::Json layout;
  base::Json cursor;
  base::Json extra;
  base::Json versions;
  std::uint64_t boxes_bytes = 0;  ///< exact length of BOXES.bin
  std::string boxes_xxh3;         ///< its XXH3-128, 32 hex digits
  std::vector<ShardFile> files;
  std::string checksum;  ///< the file's own, as read; to_text() computes it anew
};

/// The file's text. Throws base::Error when it would exceed kManifestLimit.
std::string to_text(const Manifest& manifest);

/// Checks the checksum before anything is parsed, then every member's type, the shard names, and that a directory
/// called step_<N> holds step N. Throws DamagedCheckpoint for `step_directory`; base::InputError for the format version
/// of a later Trireme.
Manifest parse_manifest(const std::string& text, const std::filesystem::path& step_directory);

}  // namespace trireme::checkpoint
