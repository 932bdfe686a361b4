#include "launcher/checkpointing/checkpoint_size.hpp"

#include <algorithm>

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
  return static_cast<std::uint64_t>(spec::state_bytes(resolved.model, options::update_state(resolved.options.optimizer),
                                                      resolved.options.train.precision == "fp64"));
}

}  // namespace trireme::launcher
