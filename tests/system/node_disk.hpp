// A file system on which one node's shards lie on a disk of their own, as on one target of a parallel file system.
#pragma once

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "tests/support/forwarding_file_system.hpp"

namespace trireme::tests {

/// Bind-mounts a fresh directory of `disk` wherever a directory with this name is made, and unmounts and empties it
/// where it is removed. Needs root.
class NodeDisk final : public ForwardingFileSystem {
 public:
  NodeDisk(std::string name, Path disk) : name_(std::move(name)), disk_(std::move(disk)) {}

  void create_directory(const Path& path) override {
    if (path.filename() != name_) return ForwardingFileSystem::create_directory(path);
    std::string word = path.parent_path().filename().string();
    const Path place = disk_ / word.replace(0, 1, "of_");
    base::PosixFileSystem().remove_all(place);
    ForwardingFileSystem::create_directory(place);
    ForwardingFileSystem::create_directory(path);
    if (::mount(place.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) fail("cannot mount", path);
  }
  void remove(const Path& path) override {
    if (path.filename() == name_ && ::umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL) {
      fail("cannot unmount", path);
    }
    ForwardingFileSystem::remove(path);
  }

 private:
  [[noreturn]] static void fail(const char* what, const Path& path) {
    const int code = errno;
    throw base::IoError(base::str(what, " ", path.string(), ": ", std::strerror(code)), code);
  }

  std::string name_;
  Path disk_;
};

}  // namespace trireme::tests
