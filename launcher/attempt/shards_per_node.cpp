#include "launcher/attempt/shards_per_node.hpp"

namespace trireme::launcher {

ShardsPerNode::ShardsPerNode(std::optional<std::int64_t> asked, int ranks_on_node,
                             const std::vector<slurm::Attempt>& attempts)
    : files_(asked.value_or(checkpoint::ShardTuning::kFirst)) {
  if (!asked) tuning_.emplace(ranks_on_node, slurm::last_shards_per_node(attempts));
}

void ShardsPerNode::agree(collectives::Communicator& control) {
  if (!tuning_) return;
  files_ = tuning_->files();
  control.broadcast(&files_, 1, collectives::DataType::kInt64, 0);
}

std::optional<std::string> ShardsPerNode::saved(std::uint64_t bytes, double seconds) {
  if (!tuning_ || tuning_->settled()) return std::nullopt;
  tuning_->saved(bytes, seconds);
  return tuning_->settled() ? std::optional(tuning_->reason()) : std::nullopt;
}

int ShardsPerNode::chosen() const { return tuning_ && !tuning_->reason().empty() ? tuning_->files() : 0; }

}  // namespace trireme::launcher
