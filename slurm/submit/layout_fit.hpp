// Decides which part of an allocation a run can use. When nodes are lost, data parallelism shrinks and nothing else
// changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::slurm {

/// The numbers that a layout must divide.
struct LayoutNeeds {
  std::int64_t tp = 1;
  std::int64_t pp = 1;
  std::int64_t dp = 0;  ///< at most this many; 0: what is left of the ranks
  std::int64_t global_batch = 1;
  std::int64_t micro_batch = 1;
  bool interleaved = false;  ///< micro-batches must be a multiple of pp
  bool any = false;          ///< any number of ranks will do: somebody's own program
};

/// The largest dp that works with tp·pp·dp <= `ranks`: tp2·pp2 on 6 ranks gives dp 1. Nothing when not even dp 1 fits.
std::optional<std::int64_t> fit_data_parallel(const LayoutNeeds& needs, std::int64_t ranks);

/// Where the ranks go: hosts are filled in order with `ranks_per_node` each, and the last one gets the rest.
struct Placement {
  std::int64_t dp = 1;
  std::int64_t ranks = 1;
  std::vector<std::string> hosts;
  std::int64_t ranks_per_node = 1;

  /// Words for mpirun: "--host n1:4,n2:4 -n 8"; for srun: "--nodes=2 --nodelist=n1,n2 --ntasks=8".
  std::string words(bool srun) const;
};
std::optional<Placement> place(const LayoutNeeds& needs, const std::vector<std::string>& hosts,
                               std::int64_t ranks_per_node);

}  // namespace trireme::slurm
