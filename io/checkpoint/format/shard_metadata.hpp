// Reads the bytes of a shard that belong to no box: HDF5's metadata and the padding. Private to io/checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

/// Called with bytes of the shard as they are read: `length` of them, from `offset` on. Not called for bytes that were
/// never written, such as most of the padding; those are zeros.
using MetadataBytes = std::function<void(const char* data, std::size_t length, std::uint64_t offset)>;

/// Reads all bytes of shard number `file` outside its boxes and compares their checksum with the manifest's. Returns
/// how many bytes that were. Throws DamagedCheckpoint ("metadata of FILE"), or base::IoError for an error that is not
/// damage.
std::uint64_t check_metadata(base::FileSystem& files, const std::filesystem::path& step_directory,
                             const Manifest& manifest, const BoxTable& table, std::uint32_t file);
/// The same, and passes the bytes to the callback, before it is known whether they are damaged.
std::uint64_t read_metadata(base::FileSystem& files, const std::filesystem::path& step_directory,
                            const Manifest& manifest, const BoxTable& table, std::uint32_t file,
                            const MetadataBytes& receive);

}  // namespace trireme::checkpoint
