// Lists the files that this process runs.
#pragma once

#include <string>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

struct LoadedFiles {
  std::string program;  ///< build id of the program itself; its size where it has none
  Versions libraries;   ///< name without folder -> build id, or size
};

/// Reads the dynamic linker's list. Two files with the same build id were linked in one go.
LoadedFiles loaded_files();

}  // namespace trireme::doctor
