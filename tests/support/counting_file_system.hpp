#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "tests/support/forwarding_file_system.hpp"

namespace trireme::tests {

/// What went through a CountingFileSystem.
struct IoCounts {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::size_t largest_read = 0;
};

/// The operating system's files, with a count of the bytes.
class CountingFileSystem final : public ForwardingFileSystem {
 public:
  const IoCounts& counts() const { return counts_; }
  void reset() { counts_ = {}; }

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    return std::make_unique<CountingFile>(ForwardingFileSystem::open(path, mode), counts_);
  }

 private:
  class CountingFile final : public ForwardingFile {
   public:
    CountingFile(std::unique_ptr<base::File> file, IoCounts& counts)
        : ForwardingFile(std::move(file)), counts_(counts) {}
    std::size_t pread(void* data, std::size_t length, std::uint64_t offset) override {
      const std::size_t count = ForwardingFile::pread(data, length, offset);
      counts_.bytes_read += count;
      counts_.largest_read = std::max(counts_.largest_read, length);
      return count;
    }
    void pwrite(const void* data, std::size_t length, std::uint64_t offset) override {
      ForwardingFile::pwrite(data, length, offset);
      counts_.bytes_written += length;
    }

   private:
    IoCounts& counts_;
  };

  IoCounts counts_;
};

}  // namespace trireme::tests
