#include "io/checkpoint/save/save_planner.hpp"

#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/ranks/together.hpp"

namespace trireme::checkpoint {

std::string SavePlanner::prepare(std::span<const StoredBox> boxes, int shards_per_node) {
  const std::string declared = encode_declared(coordinator_.node(), boxes);
  const std::string key = base::str(shards_per_node, '\n', declared);
  if (coordinator_.all_ok(key == planned_for_, "other pieces than last time").empty()) return "";
  planned_for_.clear();
  prepared_ = {};
  std::string failure = plan(declared, shards_per_node);
  if (failure.empty()) failure = lay_out();
  if (failure.empty()) planned_for_ = key;
  return failure;
}

std::string SavePlanner::plan(const std::string& declared, int shards_per_node) {
  const bool root = coordinator_.rank() == 0;
  const auto of_all = coordinator_.gather(declared);
  std::vector<std::string> tasks(static_cast<std::size_t>(coordinator_.size()));
  std::string failure = on_rank_0(coordinator_, [&] {
    std::vector<std::vector<DeclaredBox>> boxes;
    std::vector<int> nodes;
    for (const auto& bytes : of_all) boxes.push_back(decode_declared(bytes, &nodes.emplace_back()));
    prepared_.plan = make_save_plan(boxes, nodes, shards_per_node);
    tasks = encode_tasks(prepared_.plan);
  });
  if (!failure.empty()) return failure;
  prepared_.tensors = decode_tensors(coordinator_.broadcast(root ? encode_tensors(prepared_.plan.tensors) : ""));
  prepared_.task = decode_task(coordinator_.exchange(std::move(tasks))[0]);
  return "";
}

std::string SavePlanner::lay_out() {
  const Task& task = prepared_.task;
  std::vector<std::string> offsets(static_cast<std::size_t>(coordinator_.size()));
  std::string failure = together(coordinator_, [&] {
    if (task.ranks.empty()) return;
    std::vector<ShardBox> boxes;
    for (const auto& pieces : task.pieces_of_ranks) {
      for (const auto& piece : pieces) {
        const auto& tensor = prepared_.tensors[piece.tensor];
        boxes.push_back({tensor.slot, tensor.name, tensor.shape, tensor.dtype, piece.box});
      }
    }
    prepared_.layout = lay_out_shard(task.file, boxes);
    std::size_t first = 0;
    for (std::size_t i = 0; i < task.ranks.size(); ++i) {
      const std::size_t count = task.pieces_of_ranks[i].size();
      offsets[task.ranks[i]] = encode_offsets(std::span(prepared_.layout->offsets).subspan(first, count));
      first += count;
    }
  });
  if (!failure.empty()) return failure;
  for (const auto& bytes : coordinator_.exchange(std::move(offsets))) {
    if (!bytes.empty()) prepared_.offsets = decode_offsets(bytes);
  }
  return "";
}

}  // namespace trireme::checkpoint
