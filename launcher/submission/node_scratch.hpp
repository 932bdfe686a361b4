// What MPI and a killed attempt leave on a job's nodes: where it lies, and how it goes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {

/// Directories on every node of one job, each attempt in one of its own: for Open MPI's sessions, and for the memory
/// that its ranks share. Nobody else's files are ever in them: the names hold the user, the cluster and the job.
struct NodeScratch {
  std::string session;  ///< "<TMPDIR or /tmp>/trireme-<uid>-<cluster>-<job>", without ".<attempt>"
  std::string memory;   ///< the same below /dev/shm
};

/// `temporary`: TMPDIR, "" for /tmp.
NodeScratch node_scratch(uid_t user, const std::string& cluster, const slurm::JobEnvironment& job,
                         const std::string& temporary);

/// srun's words that run `words` once on each of these nodes of the own job, beside what runs there, for `seconds` at
/// most.
std::vector<std::string> on_each_node(int seconds, const std::vector<std::string>& hosts,
                                      const std::vector<std::string>& words);

/// Words that delete what other attempts of this job left on a node and make the directories of attempt `keep`, for
/// this user alone; they fail where somebody else has made them. `keep` 0: only delete.
std::vector<std::string> renewal(const NodeScratch& scratch, int keep);

}  // namespace trireme::launcher
