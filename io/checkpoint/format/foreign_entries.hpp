// Finds what lies in a step directory beside the files of the checkpoint.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"

namespace trireme::checkpoint {

struct ForeignEntry {
  std::string name;  ///< relative to the step directory
  std::string problem;
};

/// Lists files and folders that the manifest does not name, and symbolic links in the place of files that it names. A
/// save makes neither, and what a link points to may vanish at any time. Ordered by folder. Throws base::IoError when a
/// folder cannot be listed.
std::vector<ForeignEntry> foreign_entries(base::FileSystem& files, const std::filesystem::path& step_directory,
                                          const Manifest& manifest);

/// Why --force must not replace the directory `path` by a checkpoint, as the rest of a sentence that begins with its
/// name ("has no MANIFEST.json"); empty when it may: it holds a checkpoint and nothing else.
std::string why_no_checkpoint(base::FileSystem& files, const std::filesystem::path& path);

}  // namespace trireme::checkpoint
