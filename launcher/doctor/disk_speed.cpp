#include "launcher/doctor/disk_speed.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/philox.hpp"

namespace trireme::doctor {
namespace {

using Clock = std::chrono::steady_clock;

/// At most this many blocks are dirty: syncing more would hold up other users of the disk, and a stop.
constexpr std::uint64_t kSyncedBlocks = 16;
constexpr std::uint64_t kAllNodes = std::uint64_t{16} << 30;

/// One block. Its first 16 bytes are replaced by the writer's number and the block's.
class Block {
 public:
  Block() : buffer_(kDiskBlock) {
    for (std::uint64_t at = 0; at < kDiskBlock; at += sizeof(std::uint64_t)) {
      const std::uint64_t word = base::mix(at, 1);
      std::memcpy(buffer_.data() + at, &word, sizeof word);
    }
  }
  void stamp(int writer, std::uint64_t number) {
    const std::uint64_t words[] = {static_cast<std::uint64_t>(writer), number};
    std::memcpy(buffer_.data(), words, sizeof words);
  }
  const std::byte* data() const { return buffer_.data(); }

 private:
  base::AlignedBuffer buffer_;
};

}  // namespace

std::uint64_t bytes_of_node(std::uint64_t wanted, std::size_t nodes) {
  const std::uint64_t share = std::min(wanted, kAllNodes / std::max<std::uint64_t>(nodes, 1));
  return std::max(share / kDiskBlock, std::uint64_t{1}) * kDiskBlock;
}

double write_rate(base::FileSystem& files, const std::filesystem::path& path, int writer, const DiskAmount& amount) {
  Block block;
  const auto file = files.open(path, base::OpenMode::kCreateExclusive);
  const auto start = Clock::now();
  std::uint64_t written = 0;
  for (std::uint64_t step = 1; written < amount.bytes && base::seconds_since(start) < amount.seconds;
       step = std::min(2 * step, kSyncedBlocks)) {
    for (std::uint64_t i = 0; i < step && written < amount.bytes; ++i) {
      block.stamp(writer, written / kDiskBlock);
      file->pwrite(block.data(), kDiskBlock, written);
      written += kDiskBlock;
      if (base::seconds_since(start) > amount.seconds) break;
    }
    file->sync();
  }
  const double seconds = base::seconds_since(start);
  file->drop_cache();
  file->close();
  return static_cast<double>(written) / std::max(seconds, 1e-9);
}

double read_rate(base::FileSystem& files, const std::filesystem::path& path, int writer, const DiskAmount& amount) {
  Block expected;
  const base::AlignedBuffer found(kDiskBlock);
  const auto file = files.open(path, base::OpenMode::kRead);
  file->drop_cache();
  const auto start = Clock::now();
  double reading = 0;
  std::uint64_t read = 0;
  while (read < amount.bytes && base::seconds_since(start) < amount.seconds) {
    const auto begin = Clock::now();
    const std::size_t length = file->pread(found.data(), kDiskBlock, read);
    reading += base::seconds_since(begin);
    if (length == 0) break;  // the writer's time ran out before it had written all
    expected.stamp(writer, read / kDiskBlock);
    if (length != kDiskBlock || std::memcmp(found.data(), expected.data(), kDiskBlock) != 0) {
      throw base::Error(base::str("block ", read / kDiskBlock, " of ", path.string(), " does not hold what rank ",
                                  writer, " wrote: do not trust this file system"));
    }
    read += kDiskBlock;
  }
  return static_cast<double>(read) / std::max(reading, 1e-9);
}

}  // namespace trireme::doctor
