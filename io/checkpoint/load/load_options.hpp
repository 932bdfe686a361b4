// The settings of a load, and its result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint/format/box_data.hpp"

namespace trireme::checkpoint {

/// "grow:embed.tokens" in LoadOptions::allow lets that tensor have more rows than in the checkpoint.
inline constexpr const char* kGrow = "grow:";
/// "slot:adam_m" in LoadOptions::allow allows all tensors of that slot.
inline constexpr const char* kSlot = "slot:";

struct LoadOptions {
  /// Only tensors of these slots are considered; empty: of all. {kParam} takes the weights alone from a checkpoint that
  /// holds more.
  std::vector<std::string> slots;
  /// Names of tensors that may be missing from the checkpoint (their memory is left alone) or that may be there without
  /// being wanted. With kGrow before the name, the checkpoint may hold only the first rows of the tensor; the memory of
  /// the other rows is left alone. With kSlot before the name of a slot other than kParam, all tensors may be missing
  /// or unwanted in that slot: for a run that goes on with another optimizer.
  std::vector<std::string> allow;
  /// Tensors of the checkpoint that nobody wants are ignored, instead of being an error.
  bool part = false;
  /// How many bytes, roughly, one rank receives in one round; bounds the memory used beside the destinations.
  std::uint64_t round_bytes = 256 << 20;

  /// Whether tensors of that slot are considered.
  bool considers(std::string_view slot) const { return slots.empty() || std::ranges::count(slots, slot) > 0; }
};

/// The same on all ranks, except `seconds`.
struct LoadResult {
  /// Wanted tensors that are not in the checkpoint, as allowed: "param head.weight"; "slot momentum" when the
  /// checkpoint has nothing of a slot.
  std::vector<std::string> missing;
  /// Tensors in the checkpoint that nobody wants, as allowed; "slot adam_m" when nobody wants anything of that slot.
  std::vector<std::string> unexpected;
  std::vector<std::string> grown;    ///< "param embed.tokens from 61 to 64 rows"
  std::vector<std::string> unknown;  ///< words of LoadOptions::allow that name no tensor of either side
  std::uint64_t bytes_read = 0;      ///< bytes of the shards that all ranks together read
  double seconds = 0;                ///< how long the load took on this rank
};

/// Which ranks can read which files of a checkpoint that is spread over the nodes' own disks.
struct ShardLocations {
  int tables = 0;  ///< a rank that sees MANIFEST.json and BOXES.bin
  /// For each shard, in the manifest's order, the ranks that see it, at least one. Empty: all ranks see all shards.
  std::vector<std::vector<int>> shards;
};

}  // namespace trireme::checkpoint
