// Where this program lies, for starting it again.
#pragma once

#include <filesystem>

namespace trireme::base {

/// The absolute path of the running program, links resolved. Throws std::filesystem::filesystem_error without /proc.
std::filesystem::path own_program();

}  // namespace trireme::base
