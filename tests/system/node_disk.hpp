// A file system on which one node's shards lie on a disk of their own, as on one target of a parallel file system.
#pragma once

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/file_system.hpp"

namespace trireme::tests {

/// Bind-mounts a fresh directory of `disk` wherever a directory with this name is made, and unmounts and empties it
/// where it is removed. Needs root.
class NodeDisk final : public base::FileSystem {
 public:
  NodeDisk(std::string name, Path disk) : name_(std::move(name)), disk_(std::move(disk)) {}

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override { return posix_.open(path, mode); }
  bool exists(const Path& path) override { return posix_.exists(path); }
  bool is_directory(const Path& path) override { return posix_.is_directory(path); }
  bool is_link(const Path& path) override { return posix_.is_link(path); }
  std::vector<std::string> list(const Path& path) override { return posix_.list(path); }
  void rename(const Path& from, const Path& to) override { posix_.rename(from, to); }
  void sync_directory(const Path& path) override { posix_.sync_directory(path); }
  void create_symlink(const Path& target, const Path& link) override { posix_.create_symlink(target, link); }
  void create_directory(const Path& path) override {
    if (path.filename() != name_) return posix_.create_directory(path);
    std::string word = path.parent_path().filename().string();
    const Path place = disk_ / word.replace(0, 1, "of_");
    posix_.remove_all(place);
    posix_.create_directory(place);
    posix_.create_directory(path);
    if (::mount(place.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) fail("cannot mount", path);
  }
  void remove(const Path& path) override {
    if (path.filename() == name_ && ::umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL) {
      fail("cannot unmount", path);
    }
    posix_.remove(path);
  }

 private:
  [[noreturn]] static void fail(const char* what, const Path& path) {
    const int code = errno;
    throw base::IoError(base::str(what, " ", path.string(), ": ", std::strerror(code)), code);
  }

  base::PosixFileSystem posix_;
  std::string name_;
  Path disk_;
};

}  // namespace trireme::tests
