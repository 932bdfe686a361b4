// What preemption does to a job, whether the partition or the QOS decides.
#pragma once

#include <string>
#include <vector>

#include "slurm/site/site.hpp"

namespace trireme::slurm {

struct Preemption {
  PreemptMode mode = PreemptMode::kOff;
  std::int64_t grace = 0;       ///< seconds between notice and kill
  std::vector<std::string> by;  ///< names of the partitions or QOS that preempt
  bool operator==(const Preemption&) const = default;
};

/// How a job in `partition` with QOS `qos` is preempted. "" stands for its default QOS, which is not known: under
/// preempt/qos nothing is then known to preempt it, and mode is kOff.
Preemption preemption_of(const Site& site, const Partition& partition, const std::string& qos);

/// Whether Slurm requeues a job that ends inside its grace: it does from 24.05 on; up to 23.11 such a job counts as
/// completed. An unknown version counts as old.
bool requeued_when_ended_in_grace(const Site& site);

/// Whether the version of mpirun has a parameter that lets ranks outlive their daemon's SIGTERM (Open MPI up to 4).
bool mpirun_can_wait(const Site& site);

/// Whether srun can start MPI ranks through PMIx.
bool srun_has_pmix(const Site& site);

}  // namespace trireme::slurm
