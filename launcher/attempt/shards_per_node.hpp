// Into how many files each node writes a checkpoint: checkpoint.shards_per_node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "io/checkpoint/save/shard_tuning.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {

/// Every rank has one. Where the number is found by the speed of the saves, rank 0's counts.
class ShardsPerNode {
 public:
  /// `asked`: the option; nothing = by speed, beginning with what the newest of `attempts` that chose one wrote into
  /// the ledger.
  ShardsPerNode(std::optional<std::int64_t> asked, int ranks_on_node, const std::vector<slurm::Attempt>& attempts);

  /// Collective, before a save to the run directory. `control`: of all ranks.
  void agree(collectives::Communicator& control);
  /// For the next save, the same on all ranks.
  int files() const { return static_cast<int>(files_); }
  /// A save with files() files was committed. What was measured, in one sentence, when this settled the number.
  std::optional<std::string> saved(std::uint64_t bytes, double seconds);
  /// The number that was found by speed; 0 = none yet. On rank 0.
  int chosen() const;

 private:
  std::optional<checkpoint::ShardTuning> tuning_;
  std::int64_t files_;
};

}  // namespace trireme::launcher
