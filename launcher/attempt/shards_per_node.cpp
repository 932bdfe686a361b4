#include "launcher/attempt/shards_per_node.hpp"

namespace trireme::launcher {
namespace {

// 0 = none chose one.
int earlier_choice(const std::vector<slurm::Attempt>& attempts) {
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    if (attempt->ended && attempt->end.shards_per_node > 0) return attempt->end.shards_per_node;
  }
  return 0;
}

}  // namespace

ShardsPerNode::ShardsPerNode(std::optional<std::int64_t> asked, int ranks_on_node,
                             const std::vector<slurm::Attempt>& attempts)
    : files_(asked.value_or(checkpoint::ShardTuning::kFirst)) {
  if (!asked) tuning_.emplace(ranks_on_node, earlier_choice(attempts));
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
