// Copies a checkpoint into another directory, which may be on another file system.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/file_system.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::checkpoint {

struct CopyResult {
  std::filesystem::path path;  ///< the copy's directory, <directory>/step_<N>
  std::uint64_t bytes = 0;     ///< total length of its files
  double seconds = 0;
};

/// Copies `step_directory` to `directory`/step_<N> with `threads` threads, each holding 16 MiB at a time. Every byte is
/// compared with its checksum between reading and writing, and everything is fsynced before the copy takes its name, so
/// what has that name is whole. `directory` is made when missing. With `force` a checkpoint that has the copy's name is
/// replaced, by two renames, once the copy is whole. After any exception nothing of the copy is left, as far as the
/// file system allows its removal: DamagedCheckpoint for the source; base::InputError when there is no such source or
/// the copy's name is taken; base::IoError; base::Stopped when `progress`, called with the bytes read, returns false.
CopyResult copy(base::FileSystem& files, const std::filesystem::path& step_directory,
                const std::filesystem::path& directory, int threads, bool force, const ReadProgress& progress);

}  // namespace trireme::checkpoint
