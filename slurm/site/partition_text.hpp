// Parses partitions as `scontrol show partition` prints them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {

/// Parses "REQUEUE", "GANG,SUSPEND", "OFF", "cancel" …. GANG alone is time slicing, not preemption: kOff.
PreemptMode parse_preempt_mode(const std::string& text);

/// "CPU=0.5,Mem=0.25G,GRES/gpu:a100=16" becomes "cpu" 0.5, "mem" 0.25 / 1024 (per MiB), "gres/gpu:a100" 16.
std::map<std::string, double> parse_billing_weights(const std::string& text);

/// Parses all partitions of the answer, in its order, without what sinfo says about their nodes. `config` is that of
/// scontrol show config: where a partition has no setting of its own, the cluster's holds, and PreemptType decides
/// whether partitions preempt each other at all. Nodes are compared by name: a partition is preempted only by
/// partitions of a higher tier that share some of its nodes.
std::vector<Partition> parse_partitions(const std::string& text, const Fields& config);

/// False when no partition takes jobs from its own nodes (AllocNodes leaves them out); nothing otherwise. That Slurm's
/// configuration allows it does not mean that sbatch works there.
std::optional<bool> nodes_may_submit(const std::string& text);

}  // namespace trireme::slurm
