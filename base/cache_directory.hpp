// Where Trireme keeps what it can find out again.
#pragma once

#include <filesystem>

namespace trireme::base {

/// $XDG_CACHE_HOME/trireme, without that ~/.cache/trireme; "" where no place belongs to this user alone. It need not be
/// there yet: FileSystem::create_private_directory() makes it.
std::filesystem::path cache_directory();

}  // namespace trireme::base
