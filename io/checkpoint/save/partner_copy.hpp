// A second copy of each node's shards on the next node, so that a lost node takes nothing with it. Private to
// io/checkpoint.
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

/// A finished shard that this rank answers for; an empty name is none.
struct OwnShard {
  std::string name;         ///< relative to the step directory
  std::uint64_t bytes = 0;  ///< length of the file
};

/// One copying, over the ranks' links. Every rank sends at most one file; those of a node go to the next node's ranks
/// in turn, those of the last one to the first. Whatever fails is agreed on at the end: a rank that cannot go on sends
/// nothing.
class PartnerCopy {
 public:
  /// The references must outlive it. `step_directory` is another one on each node.
  PartnerCopy(Coordinator& coordinator, base::FileSystem& files, const NodeMap& nodes,
              std::filesystem::path step_directory)
      : coordinator_(coordinator), files_(files), nodes_(nodes), directory_(std::move(step_directory)) {}

  /// Collective, once; more than one node. "" when every copy is on its disk, else who failed and why, the same on all
  /// ranks. The shards and their directories are synced. Throws only what the Coordinator throws.
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
  /// Keeps the first failure; what follows is skipped on this rank.
  template <typename Body>
  void attempt(Body&& body);

  Coordinator& coordinator_;
  base::FileSystem& files_;
  const NodeMap& nodes_;
  std::filesystem::path directory_;
  std::string failure_;
  std::uint64_t longest_ = 0;  ///< of all files, the same on all ranks
  int receiver_ = -1;          ///< of the own shard
  std::uint64_t own_bytes_ = 0;
  std::unique_ptr<base::File> own_file_;
  std::vector<Incoming> incoming_;
  std::vector<std::string> new_directories_;  ///< that this rank makes: it leads its node
};

}  // namespace trireme::checkpoint
