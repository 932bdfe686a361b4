// Partitions as `scontrol show partition` prints them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {

/// "REQUEUE", "GANG,SUSPEND", "OFF", "cancel" …; GANG alone is time slicing, no preemption: kOff.
PreemptMode parse_preempt_mode(const std::string& text);

/// "CPU=0.5,Mem=0.25G,GRES/gpu:a100=16" -> "cpu" 0.5, "mem" 0.25 / 1024 (per MiB), "gres/gpu:a100" 16.
std::map<std::string, double> parse_billing_weights(const std::string& text);

/// All partitions of the answer, in its order, without what sinfo tells of their nodes. `config` is scontrol show
/// config's: where a partition says nothing of its own, the cluster's setting holds, and PreemptType decides whether
/// partitions preempt each other at all. Compared are the nodes' names: a partition whose nodes no partition of a
/// higher tier shares is preempted by none.
std::vector<Partition> parse_partitions(const std::string& text, const Fields& config);

/// False when no partition takes jobs from its own nodes (AllocNodes leaves them out). Nothing otherwise: that
/// Slurm's configuration allows it does not mean that sbatch works there.
std::optional<bool> nodes_may_submit(const std::string& text);

}  // namespace trireme::slurm
