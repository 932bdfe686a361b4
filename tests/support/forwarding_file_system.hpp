#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::tests {

/// A file that forwards every call to `file`: for those that change one or two of them.
class ForwardingFile : public base::File {
 public:
  explicit ForwardingFile(std::unique_ptr<base::File> file) : file_(std::move(file)) {}

  std::size_t pread(void* data, std::size_t length, std::uint64_t offset) override {
    return file_->pread(data, length, offset);
  }
  void pwrite(const void* data, std::size_t length, std::uint64_t offset) override {
    file_->pwrite(data, length, offset);
  }
  void sync() override { file_->sync(); }
  bool allocate(std::uint64_t length) override { return file_->allocate(length); }
  void truncate(std::uint64_t length) override { file_->truncate(length); }
  std::uint64_t size() override { return file_->size(); }
  void drop_cache() override { file_->drop_cache(); }
  void close() override { file_->close(); }

 private:
  std::unique_ptr<base::File> file_;
};

/// The operating system's files through the calls that every FileSystem must have: for those that change one or two of
/// them.
class ForwardingFileSystem : public base::FileSystem {
 public:
  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override { return files_.open(path, mode); }
  bool exists(const Path& path) override { return files_.exists(path); }
  bool is_directory(const Path& path) override { return files_.is_directory(path); }
  bool is_link(const Path& path) override { return files_.is_link(path); }
  std::vector<std::string> list(const Path& directory) override { return files_.list(directory); }
  void create_directory(const Path& path) override { files_.create_directory(path); }
  void rename(const Path& from, const Path& to) override { files_.rename(from, to); }
  void remove(const Path& path) override { files_.remove(path); }
  void sync_directory(const Path& path) override { files_.sync_directory(path); }
  void create_symlink(const Path& target, const Path& link) override { files_.create_symlink(target, link); }

 private:
  base::PosixFileSystem files_;
};

}  // namespace trireme::tests
