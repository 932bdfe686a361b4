// Copies each node's shards to the next node, so that no data is lost with a single node. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/ranks/node_map.hpp"

namespace trireme::checkpoint {

/// A finished shard that this rank sends; an empty name stands for none.
struct OwnShard {
  std::string name;         ///< relative to the step directory
  std::uint64_t bytes = 0;  ///< length of the file
};

/// One collective copy over the ranks' links. Every rank sends at most one file. The files of a node go to the next
/// node's ranks in turn, those of the last node to the first node's. The ranks agree on failures at the end; a rank
/// that cannot go on sends nothing.
class PartnerCopy {
 public:
  /// The references must outlive it. `step_directory` is a different directory on each node.
  PartnerCopy(Coordinator& coordinator, base::FileSystem& files, const NodeMap& nodes,
              std::filesystem::path step_directory)
      : coordinator_(coordinator), files_(files), nodes_(nodes), directory_(std::move(step_directory)) {}

  /// Collective; call it once, with more than one node. Returns "" when every copy is on its disk, otherwise who failed
  /// and why, the same on all ranks. Shards and directories are synced. Throws only what the Coordinator throws.
  std::string run(const OwnShard& own);

 private:
  struct Incoming {
    int sender;
    OwnShard shard;
    std::unique_ptr<base::File> file;
  };

  void plan(const OwnShard& own);
  void open_files(const OwnShard& own);
  void exchange_rounds();
  std::vector<std::string> next_pieces(std::uint64_t at);
  void close_files();
  /// Runs `body` unless this rank has failed before, and keeps the first failure.
  template <typename Body>
  void attempt(Body&& body);

  Coordinator& coordinator_;
  base::FileSystem& files_;
  const NodeMap& nodes_;
  std::filesystem::path directory_;
  std::string failure_;
  std::uint64_t longest_ = 0;  ///< length of the longest file, the same on all ranks
  int receiver_ = -1;          ///< the rank that gets this rank's shard
  std::uint64_t own_bytes_ = 0;
  std::unique_ptr<base::File> own_file_;
  std::vector<Incoming> incoming_;
  std::vector<std::string> new_directories_;  ///< directories that this rank makes, as the leader of its node
};

}  // namespace trireme::checkpoint
