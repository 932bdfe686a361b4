// Turns the run file's [group.NAME] sections into groups of parameters.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "launcher/options/run_options.hpp"
#include "models/layout/state_map.hpp"
#include "models/spec/plan.hpp"

namespace trireme::options {

/// The groups, in the order of the run file; the default group is not among them. Throws base::InputError when
/// something else than commas stands between the patterns, or a frozen group has a learning rate, decay or optimizer.
std::vector<layout::ParameterGroup> parameter_groups(const RunOptions& options);

/// What the optimizers that groups name are set to, by name: their defaults.
std::map<std::string, OptimizerSection> optimizers_of_groups(const RunOptions& options);

/// "AdamW, betas 0.9 and 0.95, weight decay 0.1; still (embed.*): frozen": describe(OptimizerSection), and how each
/// group is trained otherwise.
std::string describe_optimizers(const RunOptions& options);

/// Which group each tensor of the model belongs to. Throws base::InputError as layout::StateMap does,
/// and for a group that names muon or a weight decay and has no tensor that either acts on.
layout::StateMap state_map(const RunOptions& options, const spec::ModelPlan& model);

}  // namespace trireme::options
