#include "launcher/options/groups.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
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

/// Refuses an optimizer or a decay of which no tensor of the group takes notice.
void refuse_without_tensors(const RunOptions& options, const layout::StateMap& map,
                            const std::vector<spec::LogicalTensor>& tensors) {
  for (std::size_t index = 0; index < options.groups.size(); ++index) {
    const GroupSection& section = options.groups[index];
    const auto some = [&](const auto& is) {
      return std::ranges::any_of(tensors, [&](const auto& one) { return map.group_of(one.name) == index && is(one); });
    };
    if (section.optimizer == "muon" && !some(spec::is_layer_matrix)) {
      throw base::InputError(base::str("group.", section.name, ".optimizer = muon updates matrices of layers, and the ",
                                       "group has none: take adamw, which updates all else, or match other tensors"));
    }
    if (section.weight_decay.value_or(0) > 0 && !some([](const auto& one) { return one.decay; })) {
      throw base::InputError(
          base::str("group.", section.name, ".weight_decay = ", *section.weight_decay,
                    " is on matrices, and the group has none: leave it out, or match other tensors"));
    }
  }
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

std::string describe_optimizers(const RunOptions& options) {
  const std::map<std::string, OptimizerSection> optimizers = optimizers_of_groups(options);
  std::string text = describe(options.optimizer);
  for (const GroupSection& section : options.groups) {
    std::vector<std::string> facts;
    if (section.frozen) facts.emplace_back("frozen");
    if (has_own_optimizer(section, options)) {
      OptimizerSection own = optimizers.at(section.optimizer);
      if (section.weight_decay) own.weight_decay = section.weight_decay;
      facts.push_back(describe(own));
    } else if (section.weight_decay) {
      facts.push_back(base::str("weight decay ", *section.weight_decay));
    }
    if (section.lr_scale != 1.0) facts.push_back(base::str("learning rate times ", section.lr_scale));
    if (facts.empty()) facts.emplace_back("as the others");
    text += base::str("; ", section.name, " (", section.match, "): ", base::join(facts));
  }
  return text;
}

layout::StateMap state_map(const RunOptions& options, const spec::ModelPlan& model) {
  const std::vector<spec::LogicalTensor> tensors = spec::logical_tensors(model);
  layout::StateMap map(parameter_groups(options), tensors);
  refuse_without_tensors(options, map, tensors);
  return map;
}

}  // namespace trireme::options
