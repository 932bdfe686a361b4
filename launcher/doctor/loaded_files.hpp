// Which files this process runs.
#pragma once

#include <string>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

struct LoadedFiles {
  std::string program;  ///< build id of the program itself; its size where it has none
  Versions libraries;   ///< name without folder -> build id, or size
};

/// Of the dynamic linker's list. Two files with one build id came out of one link.
LoadedFiles loaded_files();

}  // namespace trireme::doctor
