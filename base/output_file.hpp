// The rules for a file that a user names with --output, --site-out and the like, the same for all commands.
#pragma once

#include <filesystem>

namespace trireme::base {

enum class Overwrite { kRefused, kForced };

/// Follows the links of `named` and returns where the result belongs, so that a link stays a link and its target is
/// replaced. Call it before long work, and again with the same arguments right before the result takes its place.
/// Throws base::InputError, one sentence that names the file and says what to do, when
/// - it is a directory, a device, a FIFO or a socket, or a stream of a process (/dev/stdout, /dev/fd/3): every result
///   is a file of its own, written beside its place and then renamed, so nothing can be streamed, and a device that was
///   replaced by a file would be gone;
/// - it holds data and `overwrite` is kRefused (an empty file holds none);
/// - its directory is missing, or this user may not write there.
std::filesystem::path output_file(const std::filesystem::path& named, Overwrite overwrite);

}  // namespace trireme::base
