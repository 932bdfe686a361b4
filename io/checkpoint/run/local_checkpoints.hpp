// Checkpoints on the nodes' own disks (SaveInfo::node_local): which of them are whole when all nodes are looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// What must be true of a checkpoint that a node found; the same on all ranks.
struct LocalRules {
  std::string run_id;
  std::string job;               ///< that wrote it; "" = any
  std::int64_t newest_step = 0;  ///< what the run's metrics have; later steps are of an attempt that was given up
};

/// Where to look on each node, and for what; the same on all ranks.
struct LocalSearch {
  std::filesystem::path run_directory;
  LocalRules rules;
};

struct LocalCheckpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::string checksum;  ///< of its manifest, which tells it from another one of the same step
  ShardLocations where;  ///< when nothing is missing
  std::string missing;   ///< the first shard that no node has; "" = whole
};

/// Collective. What is in `<search.run_directory>/checkpoints` of all nodes together, newest step first; a node whose
/// own files cannot be read counts as one that has none. The same on all ranks.
std::vector<LocalCheckpoint> find_local_checkpoints(Coordinator& coordinator, base::FileSystem& files,
                                                    const LocalSearch& search);

/// Collective. The same checkpoint by the shards alone whose every byte is what was written: each node reads back what
/// it has.
LocalCheckpoint verify_local_checkpoint(Coordinator& coordinator, base::FileSystem& files, const LocalSearch& search,
                                        const LocalCheckpoint& checkpoint);

}  // namespace trireme::checkpoint
