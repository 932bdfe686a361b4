// Finds the checkpoints on the nodes' own disks (SaveInfo::node_local) that are whole when all nodes are looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// The conditions that a checkpoint on a node must meet; the same on all ranks.
struct LocalRules {
  std::string run_id;
  std::string job;               ///< the job that wrote it; "" = any job
  std::int64_t newest_step = 0;  ///< last step in the run's metrics; later ones belong to an abandoned attempt
};

/// Where to look on each node, and for what; the same on all ranks.
struct LocalSearch {
  std::filesystem::path run_directory;
  LocalRules rules;
};

struct LocalCheckpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::string checksum;  ///< the manifest's checksum; tells it from another one of the same step
  ShardLocations where;  ///< meaningful when nothing is missing
  std::string missing;   ///< the first shard that no node has; "" = whole
};

/// Collective. Returns what lies in `<search.run_directory>/checkpoints` of all nodes together, newest step first, the
/// same on all ranks. A node whose own files cannot be read counts as having none.
std::vector<LocalCheckpoint> find_local_checkpoints(Coordinator& coordinator, base::FileSystem& files,
                                                    const LocalSearch& search);

/// Collective. Returns the same checkpoint, limited to shards whose every byte is what was written: each node reads
/// back what it has.
LocalCheckpoint verify_local_checkpoint(Coordinator& coordinator, base::FileSystem& files, const LocalSearch& search,
                                        const LocalCheckpoint& checkpoint);

}  // namespace trireme::checkpoint
