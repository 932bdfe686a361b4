#include "io/checkpoint/unit_reader.hpp"

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/open_checkpoint.hpp"

namespace trireme::checkpoint {

const char* UnitReader::next() {
  if (ahead_.empty()) start_one();
  const char* data = ahead_.front().get();
  ahead_.pop_front();
  while (started_ < jobs_.size() && ahead_.size() < kAhead) start_one();
  const Unit unit = jobs_[next_++].unit;
  const std::size_t length = bytes_of(table_, unit);
  bytes_read_ += length;
  const TableBox& box = table_.boxes[unit.box];
  if (base::crc32c(data, length) != box.crc32c[unit.block]) {
    throw DamagedCheckpoint(path_, describe(table_, box),
                            base::str("the checksum of block ", unit.block, " does not match"));
  }
  return data;
}

void UnitReader::start_one() {
  const auto [unit, wanted_place] = jobs_[started_];
  const TableBox& box = table_.boxes[unit.box];
  const ShardFile& shard = manifest_.files[box.file];
  const std::size_t length = bytes_of(table_, unit);
  char* into = wanted_place;
  if (into == nullptr) {
    auto& buffer = buffers_[started_ % buffers_.size()];
    if (buffer.size() < length) buffer.resize(length);
    into = buffer.data();
  }
  ++started_;
  if (!file_ || open_ != box.file) {
    file_ = reading(path_, "metadata of " + shard.name,
                    [&] { return files_.open(path_ / shard.name, base::OpenMode::kRead); });
    open_ = box.file;
  }
  ahead_.push_back(std::async(std::launch::async, [this, file = file_, into, length, unit = unit, &box, &shard] {
    const std::string subject = describe(table_, box);
    const std::size_t got =
        reading(path_, subject, [&] { return file->pread(into, length, box.offset + unit.block * kBlockBytes); });
    if (got != length) throw DamagedCheckpoint(path_, subject, shard.name + " ends too early");
    return static_cast<const char*>(into);
  }));
}

}  // namespace trireme::checkpoint
