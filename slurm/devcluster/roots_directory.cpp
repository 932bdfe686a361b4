#include "slurm/devcluster/roots_directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "base/user_name.hpp"

namespace trireme::devcluster {
namespace {

namespace fs = std::filesystem;
using base::str;

void require_safe_parent(const fs::path& parent, const fs::path& directory, std::optional<uid_t> also) {
  struct stat info {};
  if (::stat(parent.c_str(), &info) != 0) return;  // root will make it
  const auto refuse = [&](const std::string& why) {
    throw base::InputError(str("no cluster goes to ", directory.string(), ": ", parent.string(), ' ', why,
                               ", so others could put something else in its place; choose another --dir"));
  };
  if (info.st_uid != 0 && info.st_uid != also) refuse("belongs to " + base::user_name(info.st_uid));
  if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0) refuse("is writable for everybody");
}

}  // namespace

void require_roots_directory(const fs::path& directory, std::optional<uid_t> also) {
  std::error_code ignored;
  const fs::path parents = fs::weakly_canonical(directory.parent_path(), ignored);
  for (fs::path parent = parents; !parent.empty(); parent = parent.parent_path()) {
    require_safe_parent(parent, directory, also);
    if (parent == parent.root_path()) break;
  }
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) return;
  const auto refuse = [&](const std::string& why) {
    throw base::InputError(
        str(directory.string(), ' ', why, ", no cluster of devcluster: remove it, or choose another --dir"));
  };
  if (!S_ISDIR(info.st_mode)) refuse("is no directory");
  if (info.st_uid != 0) refuse(str("belongs to ", base::user_name(info.st_uid), " and not to root"));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) refuse("is writable for others than root");
}

std::optional<uid_t> sudo_user() {
  if (::geteuid() != 0) return ::geteuid();
  const char* text = std::getenv("SUDO_UID");
  uid_t user = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), user).ec != std::errc()) return std::nullopt;
  return user;
}

}  // namespace trireme::devcluster
