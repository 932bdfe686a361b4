#include "launcher/checkpointing/checkpoint_size.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "launcher/options/groups.hpp"
#include "launcher/options/optimizer.hpp"
#include "models/spec/cost.hpp"

namespace trireme::launcher {

std::uint64_t snapshot_bytes(const options::CheckpointSection& checkpoint, const base::HostLimits& limits,
                             int ranks_on_node) {
  if (!checkpoint.async) return 0;
  const double of_node = checkpoint.host_memory > 0 ? checkpoint.host_memory * kGiB
                                                    : std::min(static_cast<double>(limits.memory_bytes) / 4,
                                                               static_cast<double>(limits.memory_free_bytes) / 2);
  return static_cast<std::uint64_t>(of_node / ranks_on_node);
}

std::uint64_t checkpoint_bytes(const options::Resolved& resolved) {
  const options::RunOptions& run = resolved.options;
  const layout::StateMap map = options::state_map(run, resolved.model);
  const std::map<std::string, options::OptimizerSection> own = options::optimizers_of_groups(run);
  const auto kept = [&](const spec::LogicalTensor& tensor) {
    const layout::ParameterGroup& group = map.groups()[map.group_of(tensor.name)];
    if (!group.trainable) return spec::UpdateState{0, 0};
    return options::update_state(group.rule.empty() ? run.optimizer : own.at(group.rule));
  };
  return static_cast<std::uint64_t>(spec::state_bytes(resolved.model, kept, run.train.precision == "fp64"));
}

}  // namespace trireme::launcher
