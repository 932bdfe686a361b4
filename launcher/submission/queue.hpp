// The queue as all processes of a user see it: one question from time to time serves all of them.
#pragma once

#include <optional>

#include "slurm/queue/job_list.hpp"

namespace trireme::launcher {

/// Returns my jobs, from an answer younger than `seconds` that some process of this user got on this cluster, otherwise
/// from squeue, which has 10 s to answer. The answer is kept below $XDG_CACHE_HOME/trireme or ~/.cache/trireme. Nothing
/// without Slurm or without an answer.
std::optional<slurm::JobList> my_queue(base::FileSystem& files, double seconds);

}  // namespace trireme::launcher
