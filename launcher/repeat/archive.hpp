// One file that holds a run: its records and chosen checkpoints. Unpacked anywhere it is a run directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

inline constexpr const char* kDigestsName = "MANIFEST.xxh128";

struct ArchiveRequest {
  std::filesystem::path run;
  std::string checkpoint = "newest";  ///< newest, best (the lowest validation loss), all, none, or a step
  bool logs = false;                  ///< what jobs and trainings printed
};

struct ArchiveResult {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;          ///< of these files
  std::vector<std::int64_t> steps;  ///< the checkpoints
  std::vector<std::string> left_out;
};

/// The steps of the checkpoints that the request chooses. Throws base::InputError when there is no such run or
/// checkpoint, and while a process holds the run.
std::vector<std::int64_t> chosen_checkpoints(base::FileSystem& files, const ArchiveRequest& request);

/// Writes the archive to `file`, whose name ends as `name` does. Every byte of a checkpoint is compared with its
/// checksum. Of the run directory only files with names that Trireme gives are taken, and no link is followed. Records
/// are written anew, so that they hold nothing but what a record has. Errors as chosen_checkpoints() and
/// checkpoint::stream(), IoError of the file.
ArchiveResult write_archive(base::FileSystem& files, const ArchiveRequest& request, base::File& file,
                            const std::string& name);

}  // namespace trireme::launcher
