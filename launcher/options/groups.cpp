#include "launcher/options/groups.hpp"

#include <utility>

#include "base/error.hpp"
#include "launcher/options/optimizer.hpp"

namespace trireme::options {
namespace {

/// Whether the group has another optimizer than the default group, whose numbers would not be its own.
bool has_own_optimizer(const GroupSection& section, const RunOptions& options) {
  return !section.optimizer.empty() && section.optimizer != options.optimizer.name;
}

void refuse_idle_keys(const GroupSection& section) {
  if (!section.frozen) return;
  const char* idle = section.lr_scale != 1.0 ? "lr_scale" : section.weight_decay ? "weight_decay" : "optimizer";
  if (section.lr_scale == 1.0 && !section.weight_decay && section.optimizer.empty()) return;
  throw base::InputError(base::str("group.", section.name, ".", idle, " does nothing with group.", section.name,
                                   ".frozen = true: leave one of them out"));
}

}  // namespace

std::vector<layout::ParameterGroup> parameter_groups(const RunOptions& options) {
  std::vector<layout::ParameterGroup> groups;
  for (const GroupSection& section : options.groups) {
    refuse_idle_keys(section);
    layout::ParameterGroup group;
    group.name = section.name;
    group.patterns = names_of(section.match);
    group.trainable = !section.frozen;
    if (has_own_optimizer(section, options)) group.rule = section.optimizer;
    group.lr_scale = section.lr_scale;
    group.weight_decay = section.weight_decay;
    groups.push_back(std::move(group));
  }
  return groups;
}

std::map<std::string, OptimizerSection> optimizers_of_groups(const RunOptions& options) {
  std::map<std::string, OptimizerSection> optimizers;
  for (const GroupSection& section : options.groups) {
    if (!has_own_optimizer(section, options)) continue;
    OptimizerSection own;
    own.name = section.optimizer;
    resolve_optimizer(own);
    optimizers[section.optimizer] = own;
  }
  return optimizers;
}

layout::StateMap state_map(const RunOptions& options, const spec::ModelPlan& model) {
  return layout::StateMap(parameter_groups(options), spec::logical_tensors(model));
}

}  // namespace trireme::options
