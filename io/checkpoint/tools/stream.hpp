// Reads a checkpoint file by file, from the first byte of each to its last, for an archive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// Called before the bytes of a file: its name relative to the step directory and its exact length.
using BeginFile = std::function<void(const std::string& name, std::uint64_t bytes)>;
using FileBytes = std::function<void(const char* data, std::size_t length)>;

/// Passes on the shards, then BOXES.bin and MANIFEST.json. Every byte is compared with its checksum: those of boxes
/// before they are passed on, those between them at the end of their file. Holds one checksum block. Throws
/// DamagedCheckpoint, upon which what was received so far is worth nothing; base::InputError when there is no such
/// checkpoint; base::IoError.
void stream(base::FileSystem& files, const std::filesystem::path& step_directory, const BeginFile& begin,
            const FileBytes& receive);

}  // namespace trireme::checkpoint
