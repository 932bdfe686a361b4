// HUB.json: a file of a checkpoint that holds no box. It says how the model lay in the directory that it came from
// (docs/checkpoint_format.md); what it holds is the caller's concern.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

inline constexpr const char* kHubName = "HUB.json";
inline constexpr std::uint64_t kHubLimit = std::uint64_t{256} << 20;  ///< bytes

/// The entry of the manifest's table for a HUB.json with this text.
ShardFile hub_entry(const std::string& text);

/// Reads and verifies it; "" when the checkpoint has none. Throws DamagedCheckpoint ("metadata of HUB.json").
std::string read_hub_file(base::FileSystem& files, const std::filesystem::path& step_directory,
                          const Manifest& manifest);

/// Throws base::Error when a box lies in HUB.json.
void check_hub_holds_no_box(const Manifest& manifest, const BoxTable& table);

}  // namespace trireme::checkpoint
