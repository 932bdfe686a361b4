// What a rank writes, as it was when the save began: copied into the pool as far as it fits there. Private to
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

/// Pieces of boxes on their way from the training's memory to a file. Those that the pool has no room for are live:
/// they are written from where they are, and the training has to wait for them.
class Snapshot {
 public:
  /// Copies nothing yet. Pieces are taken in order, as many as the pool's limit allows. All must outlive the snapshot.
  Snapshot(std::span<const Piece> pieces, std::span<const PlannedTensor> tensors, std::vector<StoredBox> boxes,
           const StateMemory& memory, HostPool& pool);

  bool has_live() const;
  /// Copies the pieces that wait in the pool. Throws like the allocator and StateMemory::copy.
  void copy();
  bool is_live(std::size_t piece) const { return place_[piece] == kLive; }
  /// After copy(): writes one piece at `offset` of the writer's file; returns the checksums of its blocks. A piece of
  /// the pool must stay there until the writer has finished.
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
  std::vector<std::uint64_t> place_;  ///< of each piece in the pool, or kLive
  std::uint64_t pooled_bytes_ = 0;
  const std::byte* copies_ = nullptr;
};

}  // namespace trireme::checkpoint
