// The files that MPI and a killed attempt leave on a job's nodes: where they lie, and how they are removed.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {

/// Directories on every node of one job, separate ones for each attempt: for Open MPI's sessions, and for the memory
/// that its ranks share. Nobody else's files are ever in them, since the names contain the user, the cluster and the
/// job.
struct NodeScratch {
  std::string session;  ///< "<TMPDIR or /tmp>/trireme-<uid>-<cluster>-<job>", without ".<attempt>"
  std::string memory;   ///< the same below /dev/shm
};

/// `temporary`: TMPDIR, or "" for /tmp.
NodeScratch node_scratch(uid_t user, const std::string& cluster, const slurm::JobEnvironment& job,
                         const std::string& temporary);

/// The words for srun that run `words` once on each of these nodes of this job, beside what runs there, for at most
/// `seconds`.
std::vector<std::string> on_each_node(int seconds, const std::vector<std::string>& hosts,
                                      const std::vector<std::string>& words);

/// The words that delete what other attempts of this job left on a node and make the directories of attempt `keep`, for
/// this user alone. They fail where somebody else has made those directories. `keep` 0 only deletes.
std::vector<std::string> renewal(const NodeScratch& scratch, int keep);

}  // namespace trireme::launcher
