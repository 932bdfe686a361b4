// Reads checksum blocks in order, and some of them ahead of its caller. Private to io/checkpoint.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/file_system.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/load/load_units.hpp"

namespace trireme::checkpoint {

struct UnitJob {
  Unit unit;
  char* into;  ///< where to put its bytes; null = into a buffer of the reader
};

/// While the caller uses one unit, other threads read and verify the next few large ones. They bypass the page cache
/// where the file system has direct I/O, since nobody reads a block twice. All references must outlive the reader.
class UnitReader {
 public:
  UnitReader(base::FileSystem& files, const std::filesystem::path& step_directory, const Manifest& manifest,
             const BoxTable& table, std::vector<UnitJob> jobs)
      : files_(files), path_(step_directory), manifest_(manifest), table_(table), jobs_(std::move(jobs)) {}

  /// Returns the bytes of the next unit, valid until the next call. Throws DamagedCheckpoint or base::IoError. Do not
  /// call it again after that, nor more often than there are jobs.
  const char* next();
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  static constexpr std::size_t kAhead = 4;

  struct OpenShard {
    std::unique_ptr<base::File> file;
    std::unique_ptr<base::File> direct;  ///< null where the file system has no direct I/O
  };

  /// Starts reading the next unit that has not been started.
  void start_one();
  std::shared_ptr<const OpenShard> open(const ShardFile& shard) const;
  /// Reads into `buffer`; returns false when direct I/O does not suit this range.
  bool read_direct(base::File* file, const base::AlignedBuffer& buffer, std::size_t length, std::uint64_t offset) const;

  base::FileSystem& files_;
  const std::filesystem::path& path_;
  const Manifest& manifest_;
  const BoxTable& table_;
  std::vector<UnitJob> jobs_;
  std::size_t next_ = 0;     ///< the unit that next() returns
  std::size_t started_ = 0;  ///< how many reads were started
  std::uint64_t bytes_read_ = 0;
  std::array<base::AlignedBuffer, kAhead + 1> buffers_;  ///< for the reads under way and the unit that the caller uses
  std::shared_ptr<const OpenShard> shard_;
  std::uint32_t open_ = 0;
  std::deque<std::future<const char*>> ahead_;  ///< the last member, since its destructor waits for the threads
};

}  // namespace trireme::checkpoint
