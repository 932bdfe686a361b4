// The bytes of a shard that belong to no box: HDF5's own and the padding. Private to io/checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

/// Hears of bytes as they are read: some of the shard, `length` of them from `offset` on. Of bytes that were never
/// written, as most of the padding, it does not hear; those are zeros.
using MetadataBytes = std::function<void(const char* data, std::size_t length, std::uint64_t offset)>;

/// Reads all bytes of shard number `file` outside its boxes and compares their checksum with the manifest's. Returns
/// how many they were. Throws DamagedCheckpoint ("metadata of FILE"), or base::IoError for what is no damage.
std::uint64_t check_metadata(base::FileSystem& files, const std::filesystem::path& step_directory,
                             const Manifest& manifest, const BoxTable& table, std::uint32_t file);
/// The same, and hands them over, before it is known whether they are damaged.
std::uint64_t read_metadata(base::FileSystem& files, const std::filesystem::path& step_directory,
                            const Manifest& manifest, const BoxTable& table, std::uint32_t file,
                            const MetadataBytes& receive);

}  // namespace trireme::checkpoint
