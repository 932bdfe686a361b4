// Reads the INI files that users name on the command line; base/ini.hpp defines what the text means.
#pragma once

#include <string>

namespace trireme::options {

/// Returns the text of an INI file; `kind` is what it should be ("run file"). Throws base::InputError when it cannot be
/// read.
std::string read_ini_file(const std::string& path, const std::string& kind);

}  // namespace trireme::options
