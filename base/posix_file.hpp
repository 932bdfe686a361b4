// Declarations that the parts of PosixFileSystem share. Private to base/.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.hpp"

namespace trireme::base {

/// The flags of open(2) for a mode, without O_CLOEXEC.
int open_flags(OpenMode mode);

/// Takes ownership of an open descriptor; `path` is for messages.
std::unique_ptr<File> posix_file(int descriptor, const std::string& path);

}  // namespace trireme::base
