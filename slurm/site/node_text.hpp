// Parses nodes as sinfo prints them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"

namespace trireme::slurm {

struct Gpus {
  std::int64_t count = 0;
  std::string type;  ///< "" when untyped or of several types
};

/// Parses the GPUs in a node's Gres: "gpu:a100:4(S:0-1)", "gpu:2,nic:1", "gpu:v100:2(S:0),gpu:a100:2(S:1)", "(null)".
Gpus parse_gres(const std::string& text);

/// The columns that parse_sinfo() reads: partition, number of nodes, CPUs, memory, gres. With --exact one line stands
/// for all nodes that are alike, so the answer stays short on any cluster.
inline constexpr const char* kSinfoFormat = "%R|%D|%c|%m|%G";

/// Returns the kinds of nodes of each partition, the most frequent first. Equal ones in different states are counted
/// together.
std::map<std::string, std::vector<NodeKind>> parse_sinfo(const std::string& text);

/// Fills nodes, cpus_per_node, memory_per_node, gpus_per_node, gpu_type and node_kinds.
void set_nodes(Partition& partition, const std::vector<NodeKind>& kinds);

}  // namespace trireme::slurm
