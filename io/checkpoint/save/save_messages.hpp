// The messages that ranks send each other while they save. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint/save/save_plan.hpp"

namespace trireme::checkpoint {

/// From every rank to rank 0: its node and the boxes that it holds.
std::string encode_declared(int node, std::span<const StoredBox> boxes);
std::vector<DeclaredBox> decode_declared(const std::string& bytes, int* node);

/// From rank 0 to every rank: the tensors that Piece::tensor refers to.
std::string encode_tensors(const std::vector<PlannedTensor>& tensors);
std::vector<PlannedTensor> decode_tensors(const std::string& bytes);

/// From rank 0 to one rank: its part of the plan.
struct Task {
  std::string file;  ///< the shard that the rank writes into; "" = it writes nothing
  bool makes_node_directory = false;
  std::vector<Piece> pieces;  ///< the pieces that the rank writes
  /// Filled only for the leader of the file: all ranks that write into it (itself included) and their pieces.
  std::vector<int> ranks;
  std::vector<std::vector<Piece>> pieces_of_ranks;
};
std::vector<std::string> encode_tasks(const SavePlan& plan);
Task decode_task(const std::string& bytes);

/// From a file's leader to each of its writers: where the writer's pieces begin.
std::string encode_offsets(std::span<const std::uint64_t> offsets);
std::vector<std::uint64_t> decode_offsets(const std::string& bytes);

/// From every rank to rank 0, when its bytes are on disk.
struct Report {
  std::uint64_t file_bytes = 0;  ///< length of the file; set by its leader
  std::uint32_t metadata_crc32c = 0;
  std::vector<std::uint64_t> offsets;              ///< where each piece begins in the file
  std::vector<std::vector<std::uint32_t>> crc32c;  ///< checksums of each piece's blocks
};
std::string encode_report(const Report& report);
Report decode_report(const std::string& bytes);

}  // namespace trireme::checkpoint
