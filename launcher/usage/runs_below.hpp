// Finds the run directories of a tree that may belong to many people.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

struct FoundRun {
  std::filesystem::path path;  ///< absolute
  std::string
      folder;  ///< the first directory below the tree that holds it and is not called "runs", else the tree's name
};

struct FoundRuns {
  std::vector<FoundRun> runs;                     ///< sorted by path
  std::vector<std::filesystem::path> sweeps;      ///< directories with a sweep.jsonl
  std::vector<std::filesystem::path> unreadable;  ///< directories that could not be listed
  std::size_t links = 0;                          ///< links to directories, which were not followed
};

/// Looks through `tree`, which may be a link itself. Follows no link below it, so it stays in the tree and comes to an
/// end. Does not look into hidden directories, nor into a run's checkpoints, control and logs; other directories of a
/// run may hold runs. Throws base::InputError when `tree` is no directory.
FoundRuns runs_below(base::FileSystem& files, const std::filesystem::path& tree);

}  // namespace trireme::launcher
