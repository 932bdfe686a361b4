#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::tests {

/// What went through a CountingFileSystem.
struct IoCounts {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::size_t largest_read = 0;
};

/// The operating system's files, with a count of the bytes.
class CountingFileSystem final : public base::FileSystem {
 public:
  const IoCounts& counts() const { return counts_; }
  void reset() { counts_ = {}; }

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    return std::make_unique<CountingFile>(files_.open(path, mode), counts_);
  }
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
  class CountingFile final : public base::File {
   public:
    CountingFile(std::unique_ptr<base::File> file, IoCounts& counts) : file_(std::move(file)), counts_(counts) {}
    std::size_t pread(void* data, std::size_t length, std::uint64_t offset) override {
      const std::size_t count = file_->pread(data, length, offset);
      counts_.bytes_read += count;
      counts_.largest_read = std::max(counts_.largest_read, length);
      return count;
    }
    void pwrite(const void* data, std::size_t length, std::uint64_t offset) override {
      file_->pwrite(data, length, offset);
      counts_.bytes_written += length;
    }
    void sync() override { file_->sync(); }
    bool allocate(std::uint64_t length) override { return file_->allocate(length); }
    void truncate(std::uint64_t length) override { file_->truncate(length); }
    std::uint64_t size() override { return file_->size(); }
    void drop_cache() override { file_->drop_cache(); }
    void close() override { file_->close(); }

   private:
    std::unique_ptr<base::File> file_;
    IoCounts& counts_;
  };

  base::PosixFileSystem files_;
  IoCounts counts_;
};

}  // namespace trireme::tests
