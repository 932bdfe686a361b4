#include "io/checkpoint/unit_reader.hpp"

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/open_checkpoint.hpp"

namespace trireme::checkpoint {

const char* UnitReader::next() {
  if (!ahead_.valid()) start(next_);
  const char* data = ahead_.get();
  const Unit unit = jobs_[next_].unit;
  bytes_read_ += bytes_of(table_, unit);
  if (++next_ < jobs_.size()) start(next_);
  return data;
}

void UnitReader::start(std::size_t index) {
  ahead_ = std::async(std::launch::async, [this, index] { return read(index); });
}

const char* UnitReader::read(std::size_t index) {
  const auto [unit, wanted_place] = jobs_[index];
  const TableBox& box = table_.boxes[unit.box];
  const ShardFile& shard = manifest_.files[box.file];
  if (!file_ || open_ != box.file) {
    file_.reset();
    file_ = reading(path_, "metadata of " + shard.name,
                    [&] { return files_.open(path_ / shard.name, base::OpenMode::kRead); });
    open_ = box.file;
  }
  const std::size_t length = bytes_of(table_, unit);
  char* into = wanted_place;
  if (into == nullptr) {
    auto& buffer = buffers_[index % 2];  // the other one is in the caller's hands
    if (buffer.size() < length) buffer.resize(length);
    into = buffer.data();
  }
  const std::string subject = describe(table_, box);
  const std::size_t got =
      reading(path_, subject, [&] { return file_->pread(into, length, box.offset + unit.block * kBlockBytes); });
  if (got != length) throw DamagedCheckpoint(path_, subject, shard.name + " ends too early");
  if (base::crc32c(into, length) != box.crc32c[unit.block]) {
    throw DamagedCheckpoint(path_, subject, base::str("the checksum of block ", unit.block, " does not match"));
  }
  return into;
}

}  // namespace trireme::checkpoint
