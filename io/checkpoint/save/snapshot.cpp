#include "io/checkpoint/save/snapshot.hpp"

#include <algorithm>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_table.hpp"

namespace trireme::checkpoint {

Snapshot::Snapshot(std::span<const Piece> pieces, std::span<const PlannedTensor> tensors, std::vector<StoredBox> boxes,
                   const StateMemory& memory, HostPool& pool)
    : pieces_(pieces), tensors_(tensors), boxes_(std::move(boxes)), memory_(memory), pool_(pool) {
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    // Each piece begins on a page of its own, so that direct I/O can take it from there.
    const std::uint64_t pages =
        (bytes_of(i) + base::kDirectAlignment - 1) / base::kDirectAlignment * base::kDirectAlignment;
    const bool fits = pooled_bytes_ + pages <= pool_.limit();
    place_.push_back(fits ? pooled_bytes_ : kLive);
    if (fits) pooled_bytes_ += pages;
  }
}

bool Snapshot::has_live() const { return std::ranges::count(place_, kLive) > 0; }

std::uint64_t Snapshot::bytes_of(std::size_t piece) const {
  return static_cast<std::uint64_t>(pieces_[piece].box.elements()) * size_of(tensors_[pieces_[piece].tensor].dtype);
}

void Snapshot::copy() {
  if (pooled_bytes_ == 0) return;
  std::byte* pool = pool_.reserve(pooled_bytes_);
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (is_live(i)) continue;
    memory_.copy(boxes_[pieces_[i].declared], pieces_[i].memory_offset, bytes_of(i), pool + place_[i]);
  }
  memory_.finish_copies();
  copies_ = pool;
}

std::vector<std::uint32_t> Snapshot::write(std::size_t piece, BodyWriter& body, std::uint64_t offset) {
  if (is_live(piece)) return write_live(piece, body, offset);
  return body.write(copies_ + place_[piece], bytes_of(piece), offset, BodyWriter::Data::kStays);
}

std::vector<std::uint32_t> Snapshot::write_live(std::size_t piece, BodyWriter& body, std::uint64_t offset) {
  const StoredBox& box = boxes_[pieces_[piece].declared];
  const std::uint64_t begin = pieces_[piece].memory_offset;
  const std::uint64_t length = bytes_of(piece);
  if (memory_.on_host()) return body.write(static_cast<const std::byte*>(box.data) + begin, length, offset);
  std::vector<std::uint32_t> checksums;
  std::vector<std::byte> block(std::min(length, kBlockBytes));
  for (std::uint64_t at = 0; at < length; at += kBlockBytes) {
    const std::uint64_t bytes = std::min(length - at, kBlockBytes);
    memory_.copy(box, begin + at, bytes, block.data());
    memory_.finish_copies();
    const auto of_block = body.write(block.data(), bytes, offset + at);
    checksums.insert(checksums.end(), of_block.begin(), of_block.end());
  }
  return checksums;
}

}  // namespace trireme::checkpoint
