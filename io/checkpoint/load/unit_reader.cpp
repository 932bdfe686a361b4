#include "io/checkpoint/load/unit_reader.hpp"

#include <cerrno>
#include <cstring>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"

namespace trireme::checkpoint {
namespace {

/// Shorter units go through the page cache, since they share pages with their neighbours.
constexpr std::size_t kLeastDirect = 1 << 20;

/// Shorter units are read when next() asks for them: a thread for each would cost more than it saves beyond the
/// kernel's own read-ahead.
constexpr std::size_t kLeastAhead = 256 << 10;

constexpr std::size_t whole_pages(std::size_t length) {
  return (length + base::kDirectAlignment - 1) / base::kDirectAlignment * base::kDirectAlignment;
}

}  // namespace

const char* UnitReader::next() {
  if (ahead_.empty()) start_one();
  const char* data = ahead_.front().get();
  ahead_.pop_front();
  while (started_ < jobs_.size() && ahead_.size() < kAhead) start_one();
  bytes_read_ += bytes_of(table_, jobs_[next_++].unit);
  return data;
}

void UnitReader::start_one() {
  const auto [unit, wanted_place] = jobs_[started_];
  const TableBox& box = table_.boxes[unit.box];
  const ShardFile& shard = manifest_.files[box.file];
  const std::size_t length = bytes_of(table_, unit);
  base::AlignedBuffer& buffer = buffers_[started_ % buffers_.size()];
  if (buffer.size() < whole_pages(length)) buffer = base::AlignedBuffer(whole_pages(length));
  ++started_;
  if (!shard_ || open_ != box.file) {
    shard_ = open(shard);
    open_ = box.file;
  }
  const auto when = length < kLeastAhead ? std::launch::deferred : std::launch::async;
  ahead_.push_back(
      std::async(when, [this, files = shard_, into = wanted_place, &buffer, length, unit = unit, &box, &shard] {
        const std::string subject = describe(table_, box);
        const std::uint64_t offset = box.offset + unit.block * kBlockBytes;
        char* data = reinterpret_cast<char*>(buffer.data());
        reading(path_, subject, [&] {
          if (read_direct(files->direct.get(), buffer, length, offset)) {
            if (into != nullptr) std::memcpy(into, data, length);
            return;
          }
          char* place = into != nullptr ? into : data;
          if (files->file->pread(place, length, offset) != length) {
            throw DamagedCheckpoint(path_, subject, shard.name + " ends too early");
          }
        });
        if (into != nullptr) data = into;
        if (base::crc32c(data, length) != box.crc32c[unit.block]) {
          throw DamagedCheckpoint(path_, subject, base::str("the checksum of block ", unit.block, " does not match"));
        }
        return static_cast<const char*>(data);
      }));
}

std::shared_ptr<const UnitReader::OpenShard> UnitReader::open(const ShardFile& shard) const {
  auto opened = std::make_shared<OpenShard>();
  reading(path_, "metadata of " + shard.name, [&] {
    opened->file = files_.open(path_ / shard.name, base::OpenMode::kRead);
    try {
      opened->direct = files_.open(path_ / shard.name, base::OpenMode::kReadDirect);
    } catch (const base::IoError& error) {
      if (error.code() != EINVAL && error.code() != EOPNOTSUPP) throw;
    }
  });
  return opened;
}

bool UnitReader::read_direct(base::File* file, const base::AlignedBuffer& buffer, std::size_t length,
                             std::uint64_t offset) const {
  if (file == nullptr || length < kLeastDirect || offset % base::kDirectAlignment != 0) return false;
  try {
    return file->pread(buffer.data(), whole_pages(length), offset) >= length;
  } catch (const base::IoError& error) {
    if (error.code() != EINVAL) throw;
    return false;  // direct I/O was promised at open and is refused now
  }
}

}  // namespace trireme::checkpoint
