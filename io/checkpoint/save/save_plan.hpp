// Decides who writes what: a pure function of the boxes that the ranks hold. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/save/declared_box.hpp"

namespace trireme::checkpoint {

/// A part of a declared box that one rank writes. It is contiguous in the memory of that box.
struct Piece {
  std::uint32_t tensor;    ///< index into SavePlan::tensors
  std::uint32_t declared;  ///< index of the box among the writer's declared boxes
  Box box;
  std::uint64_t memory_offset;  ///< bytes from the beginning of the declared box's data
};

struct PlannedFile {
  std::string name;        ///< "node_0/shard_0.h5"
  int leader;              ///< the lowest rank that writes into it; it creates the file
  std::vector<int> ranks;  ///< all ranks that write into it, ascending
};

struct SavePlan {
  std::vector<PlannedTensor> tensors;      ///< in TensorOrder
  std::vector<std::vector<Piece>> pieces;  ///< for each rank its pieces, ordered by (tensor, box)
  std::vector<PlannedFile> files;
  std::vector<int> file_of_rank;  ///< index into files, -1 for a rank that writes nothing
};

/// Pieces smaller than this are not cut.
inline constexpr std::uint64_t kSmallestCut = 1 << 20;

/// `declared[r]` and `node_of_rank[r]` belong to rank r. Equal boxes are replicas: each is written once, either by one
/// of its holders or, cut along its first dim longer than 1, by several, so that the holders' bytes become equal.
/// Throws base::Error naming the tensor when ranks disagree about shape or dtype, when boxes overlap without being
/// equal or leave a gap, or when a name or box cannot be stored.
SavePlan make_save_plan(const std::vector<std::vector<DeclaredBox>>& declared, const std::vector<int>& node_of_rank,
                        int shards_per_node);

}  // namespace trireme::checkpoint
