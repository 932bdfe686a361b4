// The command lines that start a [program] run's ranks. Pure: values in, words out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {

/// Where and how the ranks of an attempt start.
struct ProgramPlacement {
  std::string launcher = "none";    ///< program.launcher
  std::vector<std::string> prefix;  ///< the words that start one of the following per rank, or per node (torchrun):
                                    ///< mpirun …, srun …; empty: one process here
  std::vector<std::string> hosts;   ///< in order of ranks, the first is rank 0's; never empty
  std::int64_t ranks_per_node = 1;  ///< with launcher none not used: one process

  std::int64_t ranks() const;  ///< upper bound: the last node may have fewer
};

/// prefix and the words that become one rank: `trireme job rank FILE`, under torchrun started by its agent, which meets
/// the others at first host:`port`.
std::vector<std::string> start_words(const ProgramPlacement& placement, const std::string& program,
                                     const std::string& launch_file, const std::string& rendezvous_id, int port);

/// What torch.distributed's env:// needs of a rank, from what mpirun or srun told it: RANK, WORLD_SIZE, LOCAL_RANK,
/// LOCAL_WORLD_SIZE. Empty with the other launchers: torchrun's agent sets them itself.
std::map<std::string, std::string> rank_variables(const std::string& launcher, const slurm::Lookup& lookup);

/// The rank that `rank_variables` or torchrun's agent gave the process; 0 where nobody did.
int rank_of(const slurm::Lookup& lookup, const std::map<std::string, std::string>& variables);

}  // namespace trireme::launcher
