// What a load is told, and what it says when it has ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/checkpoint/format/box_data.hpp"

namespace trireme::checkpoint {

/// "grow:embed.tokens" in LoadOptions::allow: that tensor may have more rows than in the checkpoint.
inline constexpr const char* kGrow = "grow:";

struct LoadOptions {
  /// Only tensors of these kinds are looked at: {kParam} takes the weights alone from a checkpoint that holds more.
  std::vector<Kind> kinds = {Kind::kParam, Kind::kAdamM, Kind::kAdamV};
  /// Names of tensors that may be missing from the checkpoint (their memory is left alone) or be there unwanted; with
  /// kGrow before it, the name of one whose first rows alone are in the checkpoint (the memory of the others is left
  /// alone).
  std::vector<std::string> allow;
  /// Only a part is wanted: tensors of the checkpoint that nobody wants are passed over.
  bool part = false;
  /// Bytes that one rank receives in one round, roughly; bounds the memory used beside the destinations.
  std::uint64_t round_bytes = 256 << 20;
};

/// The same on all ranks, but for `seconds`.
struct LoadResult {
  std::vector<std::string> missing;     ///< "param head.weight": wanted, allowed and not in the checkpoint
  std::vector<std::string> unexpected;  ///< in the checkpoint, allowed and wanted by nobody
  std::vector<std::string> grown;       ///< "param embed.tokens from 61 to 64 rows"
  std::vector<std::string> unknown;     ///< words of LoadOptions::allow that name no tensor of either side
  std::uint64_t bytes_read = 0;         ///< of the shards, by all ranks together
  double seconds = 0;                   ///< that the load took on this rank
};

/// Where the files of a checkpoint can be read that lies in pieces on the nodes' own disks.
struct ShardLocations {
  int tables = 0;  ///< a rank that sees MANIFEST.json and BOXES.bin
  /// Of each shard, in the manifest's order: the ranks that see it, at least one. Empty: all see all.
  std::vector<std::vector<int>> shards;
};

}  // namespace trireme::checkpoint
