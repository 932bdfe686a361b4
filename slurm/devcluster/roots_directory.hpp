// Checks whether root may keep a cluster in a directory, since root starts and ends processes by what its files say.
#pragma once

#include <filesystem>
#include <optional>

#include <sys/types.h>

namespace trireme::devcluster {

/// Throws base::InputError, saying why, when anybody but root could have put files into `directory` or another
/// directory in its place. It must not be a link, must belong to root and be writable for root alone. The directories
/// above it must belong to root (or to `also`) and, where everybody may write, have the sticky bit as /tmp does. A
/// directory that does not exist is fine when those above it are.
void require_roots_directory(const std::filesystem::path& directory, std::optional<uid_t> also);

/// The user who called sudo. Without root's rights (enough to look at a cluster) it is this process's user.
std::optional<uid_t> sudo_user();

}  // namespace trireme::devcluster
