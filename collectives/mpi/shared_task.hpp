// One operation of a SharedChannel: what it moves, chunk by chunk, and its progress.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/philox.hpp"
#include "collectives/communicator.hpp"

namespace trireme::collectives {

/// all_reduce splits `count` elements over the ranks chunk by chunk; the other operations have one row of `count`
/// elements per rank.
struct SharedTask {
  const char* send = nullptr;
  char* receive = nullptr;
  std::size_t count = 0;
  DataType type = DataType::kUInt8;
  ReduceOp op = ReduceOp::kSum;
  bool reduces = false;
  bool gathers = false;

  std::size_t bytes = 1;  ///< size of an element
  std::size_t piece = 0;  ///< most elements of one rank in one chunk
  std::size_t ranks = 1;
  std::uint64_t first = 0;  ///< sequence number of the first chunk
  std::uint64_t chunks = 1;
  std::uint64_t copied_in = 0, reduced = 0, copied_out = 0;
  std::atomic<bool> done{false};

  std::uint64_t signature() const {
    const std::uint64_t kind = (static_cast<std::uint64_t>(type) << 8) | (static_cast<std::uint64_t>(op) << 4) |
                               (reduces ? 2U : 0U) | (gathers ? 1U : 0U);
    return base::mix(kind, count);
  }
  bool rows() const { return !(reduces && gathers); }
  std::size_t offset(std::size_t rank, std::uint64_t chunk) const {
    return rows() ? rank * count + chunk * piece : (chunk * ranks + rank) * piece;
  }
  std::size_t length(std::size_t rank, std::uint64_t chunk) const {
    const std::size_t begin = rows() ? chunk * piece : offset(rank, chunk);
    return begin < count ? std::min(piece, count - begin) : 0;
  }
  /// Where this rank finds its contribution to `rank`'s piece.
  const char* input(std::size_t rank, std::uint64_t chunk) const {
    return send + (reduces ? offset(rank, chunk) : chunk * piece) * bytes;
  }
  /// Where the result of `rank`'s piece goes.
  char* output(std::size_t rank, std::uint64_t chunk) const {
    return receive + (gathers ? offset(rank, chunk) : chunk * piece) * bytes;
  }
};

}  // namespace trireme::collectives
