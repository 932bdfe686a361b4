// PosixFileSystem's operations on directories in which others may interfere.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/user_name.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;

[[noreturn]] void fail(const char* call, const Path& path) {
  const int code = errno;
  throw IoError(str(call, " ", path.string(), ": ", std::strerror(code)), code);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

/// Null when `name` in `parent` is not a directory (a link is not one).
OpenDirectory open_directory(int parent, const std::string& name, const Path& path) {
  const int descriptor = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0 && (errno == ENOTDIR || errno == ELOOP || errno == ENOENT)) return nullptr;
  if (descriptor < 0) fail("cannot open directory", path);
  OpenDirectory directory(::fdopendir(descriptor));
  if (!directory) {
    ::close(descriptor);
    fail("cannot open directory", path);
  }
  return directory;
}

std::vector<std::string> names_in(DIR* directory, const Path& path) {
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) fail("cannot list", path);
  return names;
}

/// Works on the open directory, so a directory put in its place during the call is not entered.
void remove_entry(int parent, const std::string& name, const Path& path) {
  int flags = 0;
  if (const OpenDirectory directory = open_directory(parent, name, path)) {
    for (const std::string& child : names_in(directory.get(), path)) {
      remove_entry(::dirfd(directory.get()), child, path / child);
    }
    flags = AT_REMOVEDIR;
  }
  if (::unlinkat(parent, name.c_str(), flags) != 0 && errno != ENOENT) fail("cannot remove", path);
}

}  // namespace

void FileSystem::remove_all(const Path& path) {
  if (!exists(path)) return;
  if (is_directory(path) && !is_link(path)) {
    for (const auto& name : list(path)) remove_all(path / name);
  }
  remove(path);
}

void PosixFileSystem::remove_all(const Path& path) {
  const Path entry = path.has_filename() ? path : path.parent_path();  // "a/" would mean what a link leads to
  if (exists(entry)) remove_entry(AT_FDCWD, entry.string(), entry);
}

void PosixFileSystem::create_private_directory(const Path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot create directory", path);
  const OpenDirectory directory = open_directory(AT_FDCWD, path.string(), path);
  if (!directory) {
    throw InputError(str(path.string(), " is no directory of this user's: remove it, or choose another place"));
  }
  struct stat info {};
  if (::fstat(::dirfd(directory.get()), &info) != 0) fail("cannot look at", path);
  if (info.st_uid != ::geteuid()) {
    throw InputError(str(path.string(), " belongs to ", user_name(info.st_uid),
                         ", who could change what is put there: remove it, or choose another place"));
  }
  if ((info.st_mode & 077) != 0 && ::fchmod(::dirfd(directory.get()), 0700) != 0) fail("cannot close to others", path);
}

}  // namespace trireme::base
