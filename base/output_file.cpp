#include "base/output_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;

constexpr int kMostLinks = 40;  // as many as the kernel follows

Path folder_of(const Path& path) { return path.has_parent_path() ? path.parent_path() : Path("."); }

/// Entries below /proc that look like links are open files; readlink(2) returns no usable path for them.
bool is_stream(const Path& path) {
  std::error_code unresolved;
  const Path folder = std::filesystem::canonical(folder_of(path), unresolved);
  return !unresolved && folder.string().starts_with("/proc/");
}

/// What lstat(2) reports; nothing when nothing is there.
std::optional<struct stat> look_at(const Path& path, const Path& named) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) return facts;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw InputError(str("cannot write ", named.string(), ": ", std::strerror(errno), ": name another file"));
}

Path with_links_followed(const Path& named) {
  Path path = named;
  for (int links = 0; links < kMostLinks; ++links) {
    if (is_stream(path)) {
      throw InputError(
          str("output ", named.string(), " is an open stream, and the result is a file of its own: name a file"));
    }
    const auto facts = look_at(path, named);
    if (!facts || !S_ISLNK(facts->st_mode)) return path;
    path = folder_of(path) / std::filesystem::read_symlink(path);  // an absolute target replaces the folder
  }
  throw InputError(str("output ", named.string(), " is a link that leads to no file: name another one"));
}

void refuse_what_is_no_file(const struct stat& facts, const Path& named) {
  if (S_ISDIR(facts.st_mode)) throw InputError(str("output ", named.string(), " is a directory: name a file"));
  if (S_ISREG(facts.st_mode)) return;
  const char* kind = S_ISFIFO(facts.st_mode) ? "a FIFO" : S_ISSOCK(facts.st_mode) ? "a socket" : "a device";
  throw InputError(str("output ", named.string(), " is ", kind, ", no ordinary file: name a file"));
}

void check_folder(const Path& path, const Path& named) {
  const Path folder = folder_of(path);
  struct stat facts {};
  if (::stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    throw InputError(str("directory ", folder.string(), " for ", named.string(), " does not exist: make it first"));
  }
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return;
  throw InputError(
      str("cannot write ", named.string(), ": ", std::strerror(errno), ": choose another place for the output"));
}

}  // namespace

Path output_file(const Path& named, Overwrite overwrite) {
  if (named.empty() || !named.has_filename()) {
    throw InputError(str("output '", named.string(), "' is the name of no file: name a file"));
  }
  Path path = with_links_followed(named);
  if (const auto facts = look_at(path, named)) {
    refuse_what_is_no_file(*facts, named);
    if (facts->st_size > 0 && overwrite == Overwrite::kRefused) {
      throw InputError(str("there is ", named.string(), " already (", facts->st_size,
                           " bytes): name another file, or replace it with --force"));
    }
  }
  check_folder(path, named);
  return path;
}

}  // namespace trireme::base
