#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::tests {

/// What one node sees of a file system: "/local" is a directory of its own, everything else is shared.
class NodeFiles : public base::FileSystem {
 public:
  /// `local` stands for "/local". `files` must outlive it.
  NodeFiles(base::FileSystem& files, Path local) : files_(files), local_(std::move(local)) {}

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    return files_.open(at(path), mode);
  }
  bool exists(const Path& path) override { return files_.exists(at(path)); }
  bool is_directory(const Path& path) override { return files_.is_directory(at(path)); }
  bool is_link(const Path& path) override { return files_.is_link(at(path)); }
  std::vector<std::string> list(const Path& directory) override { return files_.list(at(directory)); }
  void create_directory(const Path& path) override { files_.create_directory(at(path)); }
  void rename(const Path& from, const Path& to) override { files_.rename(at(from), at(to)); }
  void remove(const Path& path) override { files_.remove(at(path)); }
  void sync_directory(const Path& path) override { files_.sync_directory(at(path)); }
  void create_symlink(const Path& target, const Path& link) override { files_.create_symlink(target, at(link)); }

 private:
  Path at(const Path& path) const {
    const std::string text = path.string();
    return text.starts_with("/local") ? Path(local_.string() + text.substr(6)) : path;
  }

  base::FileSystem& files_;
  Path local_;
};

}  // namespace trireme::tests
