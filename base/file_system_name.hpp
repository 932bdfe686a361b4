// What kind of file system a path lies on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace trireme::base {

/// "nfs", "lustre", … for the number that statfs(2) returns; "0x1234" for an unknown one.
std::string file_system_name(std::uint32_t magic);

/// The name of the file system that `path` lies on, as this node sees it; "none" when the system does not tell.
std::string file_system_of(const std::filesystem::path& path);

}  // namespace trireme::base
