// What ranks tell each other while they save. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint/save/save_plan.hpp"

namespace trireme::checkpoint {

/// Every rank to rank 0: its node and what it holds.
std::string encode_declared(int node, std::span<const StoredBox> boxes);
std::vector<DeclaredBox> decode_declared(const std::string& bytes, int* node);

/// Rank 0 to everyone: the tensors that Piece::tensor counts.
std::string encode_tensors(const std::vector<PlannedTensor>& tensors);
std::vector<PlannedTensor> decode_tensors(const std::string& bytes);

/// Rank 0 to one rank: its part of the plan.
struct Task {
  std::string file;  ///< "" = nothing to write
  bool makes_node_directory = false;
  std::vector<Piece> pieces;  ///< its own
  /// At the leader of the file: all that write into it (itself included) and their pieces. Else empty.
  std::vector<int> ranks;
  std::vector<std::vector<Piece>> pieces_of_ranks;
};
std::vector<std::string> encode_tasks(const SavePlan& plan);
Task decode_task(const std::string& bytes);

/// A file's leader to each of its writers: where the writer's pieces begin.
std::string encode_offsets(std::span<const std::uint64_t> offsets);
std::vector<std::uint64_t> decode_offsets(const std::string& bytes);

/// Every rank to rank 0 when its bytes are on disk.
struct Report {
  std::uint64_t file_bytes = 0;  ///< at the leader of a file
  std::uint32_t metadata_crc32c = 0;
  std::vector<std::uint64_t> offsets;              ///< of each piece
  std::vector<std::vector<std::uint32_t>> crc32c;  ///< of each piece's blocks
};
std::string encode_report(const Report& report);
Report decode_report(const std::string& bytes);

}  // namespace trireme::checkpoint
