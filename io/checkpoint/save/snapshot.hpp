// What a rank writes, as it was when the save began, copied into the pool as far as it fits there. Private to
// io/checkpoint.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/save/body_writer.hpp"
#include "io/checkpoint/save/host_pool.hpp"
#include "io/checkpoint/save/save_plan.hpp"

namespace trireme::checkpoint {

/// Pieces of boxes on their way from the training's memory to a file. A piece for which the pool has no room is live:
/// it is written from where it lies, and the training has to wait for that.
class Snapshot {
 public:
  /// Copies nothing yet. Chooses the pieces for the pool in order, as many as its limit allows. All arguments must
  /// outlive the snapshot.
  Snapshot(std::span<const Piece> pieces, std::span<const PlannedTensor> tensors, std::vector<StoredBox> boxes,
           const StateMemory& memory, HostPool& pool);

  bool has_live() const;
  /// Bytes of the pool that copy() takes.
  std::uint64_t pooled() const { return pooled_bytes_; }
  /// Copies the chosen pieces into the pool. Throws like the allocator and StateMemory::copy.
  void copy();
  bool is_live(std::size_t piece) const { return place_[piece] == kLive; }
  /// Call it after copy(): writes one piece at `offset` of the writer's file and returns the checksums of its blocks. A
  /// piece in the pool must stay there until the writer has finished.
  std::vector<std::uint32_t> write(std::size_t piece, BodyWriter& body, std::uint64_t offset);

 private:
  static constexpr std::uint64_t kLive = ~std::uint64_t{0};

  std::uint64_t bytes_of(std::size_t piece) const;
  std::vector<std::uint32_t> write_live(std::size_t piece, BodyWriter& body, std::uint64_t offset);

  std::span<const Piece> pieces_;
  std::span<const PlannedTensor> tensors_;
  std::vector<StoredBox> boxes_;
  const StateMemory& memory_;
  HostPool& pool_;
  std::vector<std::uint64_t> place_;  ///< where each piece lies in the pool, or kLive
  std::uint64_t pooled_bytes_ = 0;
  const std::byte* copies_ = nullptr;
};

}  // namespace trireme::checkpoint
