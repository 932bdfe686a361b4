// Measures how fast one node writes to and reads from a file system. Bounded in bytes and in time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/file_system.hpp"

namespace trireme::doctor {

struct DiskAmount {
  std::uint64_t bytes = std::uint64_t{128} << 20;  ///< at most this many, in whole blocks of kDiskBlock
  double seconds = 5;                              ///< no block begins later; one under way is waited for
};

inline constexpr std::uint64_t kDiskBlock = std::uint64_t{4} << 20;

/// What every node writes: `wanted` bytes, or less where all nodes together would write more than 16 GiB; at least one
/// block.
std::uint64_t bytes_of_node(std::uint64_t wanted, std::size_t nodes);

/// Makes `path` from blocks that cannot be compressed and that contain `writer` and their place. They are synced to
/// disk in groups that double up to 64 MiB. Returns bytes a second. Throws base::IoError as the file system reports it.
double write_rate(base::FileSystem& files, const std::filesystem::path& path, int writer, const DiskAmount& amount);

/// Reads what write_rate() made, without this node's page cache where the kernel drops it on request. Returns bytes a
/// second of the reading alone. Throws base::Error when a block does not hold what `writer` wrote.
double read_rate(base::FileSystem& files, const std::filesystem::path& path, int writer, const DiskAmount& amount);

}  // namespace trireme::doctor
