// Lets the ranks agree who writes what, once for all saves of the same boxes. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint/format/shard.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/save/save_messages.hpp"
#include "io/checkpoint/save/save_plan.hpp"

namespace trireme::checkpoint {

/// What one rank has to do in every save of the same boxes.
struct PreparedSave {
  std::vector<PlannedTensor> tensors;
  Task task;
  std::vector<std::uint64_t> offsets;  ///< where each of the task's pieces begins in its file
  std::optional<ShardLayout> layout;   ///< set on the leader of a file
  SavePlan plan;                       ///< set on rank 0
};

class SavePlanner {
 public:
  /// The coordinator must outlive the planner.
  explicit SavePlanner(Coordinator& coordinator) : coordinator_(coordinator) {}

  /// Collective. Makes prepared() fit these boxes; does nothing when every rank has the same boxes as last time.
  /// Returns "", or why it failed, the same on all ranks.
  std::string prepare(std::span<const StoredBox> boxes, int shards_per_node);
  const PreparedSave& prepared() const { return prepared_; }

 private:
  std::string plan(const std::string& declared, int shards_per_node);
  std::string lay_out();

  Coordinator& coordinator_;
  PreparedSave prepared_;
  std::string planned_for_;  ///< the boxes that prepared_ is for; "" = none
};

}  // namespace trireme::checkpoint
