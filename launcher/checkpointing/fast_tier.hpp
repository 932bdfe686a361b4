// checkpoint.fast_dir: checkpoints on the nodes' own disks or in their memory, made every few steps beside those in the
// run directory (docs/checkpoints.md).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "io/checkpoint/run/local_checkpoints.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

class FastTier {
 public:
  /// Collective. Makes the run's directory on every node and deletes what an earlier attempt left unfinished in it.
  /// `rules` is called unless the result is null, and what it says on rank 0 counts: the run, this job, and the last
  /// step that the metrics have. The same base::InputError on all ranks when a node cannot make the directory, or when
  /// two nodes find the same one. Null without checkpoint.fast_dir. The references must outlive it.
  static std::unique_ptr<FastTier> open(Session& session, base::FileSystem& files,
                                        const std::function<checkpoint::LocalRules()>& rules, const base::Log& log);

  /// Where a restart looks for checkpoints of this tier, and which ones it may take.
  checkpoint::LocalSearch search() const { return {directory_, rules_}; }
  /// This attempt has come to `step` itself: its own checkpoints up to there may be taken. The same on all ranks.
  void came_to(std::int64_t step) { rules_.newest_step = std::max(rules_.newest_step, step); }
  /// Collective. Throws base::InputError when a node lacks space for what this run will put there, or memory when the
  /// directory lies in memory. `checkpoint_bytes`: of a whole checkpoint.
  void check_room(std::uint64_t checkpoint_bytes);
  /// Memory of this node, in bytes, that the tier will still take.
  std::uint64_t memory_to_come(std::uint64_t checkpoint_bytes) const;

  /// Holds the step directories.
  std::filesystem::path step_directories() const { return directory_ / "checkpoints"; }
  bool holds(const std::filesystem::path& step_directory) const {
    return step_directory.parent_path() == step_directories();
  }
  /// "…, with copies on the next node".
  std::string description() const;
  /// Deletes this node's part of the tier.
  void remove() const noexcept;

 private:
  FastTier(Session& session, base::FileSystem& files, const checkpoint::LocalRules& rules);

  void refuse_shared();
  /// Runs `action` on one rank of each node; the same base::InputError everywhere when one throws.
  template <typename Action>
  void on_each_node(Action&& action);
  std::uint64_t node_bytes(std::uint64_t checkpoint_bytes) const;
  std::uint64_t bytes_there() const;
  std::string lacking_room(std::uint64_t checkpoint_bytes) const;

  Session& session_;
  base::FileSystem& files_;
  const options::RunOptions& options_;
  checkpoint::LocalRules rules_;
  std::filesystem::path directory_;
  bool leads_node_ = false;
  bool in_memory_ = false;
};

}  // namespace trireme::launcher
