// What `trireme --version` prints.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace trireme::launcher {

struct LibraryVersion {
  std::string name;
  std::string built_with;
  std::string loaded;  ///< the version found at run time; empty where the program does not load the library
};

/// Lists Trireme itself first, then every outside library of this build. Loads nothing.
std::vector<LibraryVersion> library_versions();

/// Returns two lines about Trireme itself, "trireme 0.1.0, commit 0123456789ab" and its build's options, then one line
/// for each library: "zstd 1.5.4", "zlib 1.2.13 (loaded 1.3.1)", "NCCL: built without".
std::string version_text();

}  // namespace trireme::launcher
