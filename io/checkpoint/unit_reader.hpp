// Reads checksum blocks in order, some ahead of its caller. Private to io/checkpoint.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/box_table.hpp"
#include "io/checkpoint/load_units.hpp"
#include "io/checkpoint/manifest.hpp"

namespace trireme::checkpoint {

struct UnitJob {
  Unit unit;
  char* into;  ///< where its bytes are to lie; null = a buffer of the reader's own
};

/// While the caller verifies and uses one unit, the next two are read by other threads. All references must outlive
/// the reader.
class UnitReader {
 public:
  UnitReader(base::FileSystem& files, const std::filesystem::path& step_directory, const Manifest& manifest,
             const BoxTable& table, std::vector<UnitJob> jobs)
      : files_(files), path_(step_directory), manifest_(manifest), table_(table), jobs_(std::move(jobs)) {}

  /// The bytes of the next unit, good until the next call. Throws DamagedCheckpoint or base::IoError; not to be called
  /// again after that, nor more often than there are jobs.
  const char* next();
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  static constexpr std::size_t kAhead = 2;

  /// Starts reading the next unit that is not under way.
  void start_one();

  base::FileSystem& files_;
  const std::filesystem::path& path_;
  const Manifest& manifest_;
  const BoxTable& table_;
  std::vector<UnitJob> jobs_;
  std::size_t next_ = 0;     ///< the unit that next() returns
  std::size_t started_ = 0;  ///< how many reads were started
  std::uint64_t bytes_read_ = 0;
  std::array<std::vector<char>, kAhead + 1> buffers_;  ///< of those under way and the one in the caller's hands
  std::shared_ptr<base::File> file_;
  std::uint32_t open_ = 0;
  std::deque<std::future<const char*>> ahead_;  ///< last: its destructor waits for the threads
};

}  // namespace trireme::checkpoint
