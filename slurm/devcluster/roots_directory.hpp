// Whether root may keep a cluster in a directory: root starts and ends processes by what its files say.
#pragma once

#include <filesystem>
#include <optional>

#include <sys/types.h>

namespace trireme::devcluster {

/// base::InputError, saying why, when somebody else than root could have put files into `directory`, or could put
/// another directory in its place: it must be no link, belong to root and be writable for root alone, and the
/// directories above it must belong to root (or to `also`) and, where everybody may write, have the sticky bit as /tmp
/// has. A directory that is not there is fine when those above it are.
void require_roots_directory(const std::filesystem::path& directory, std::optional<uid_t> also);

/// The user who called sudo; without root's rights, who only look at a cluster, this user.
std::optional<uid_t> sudo_user();

}  // namespace trireme::devcluster
