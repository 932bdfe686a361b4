// What kind of file system a path lies on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace trireme::base {

/// "nfs", "lustre", … for the number that statfs(2) gives; "0x1234" for others.
std::string file_system_name(std::uint32_t magic);

/// Of a path on this node; "none" where it cannot be asked.
std::string file_system_of(const std::filesystem::path& path);

}  // namespace trireme::base
