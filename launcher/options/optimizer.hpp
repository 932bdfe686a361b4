// What [optimizer] says beside the learning rate's schedule: the rule, and its numbers.
#pragma once

#include <string>

#include "launcher/options/run_options.hpp"
#include "models/spec/cost.hpp"

namespace trireme::options {

/// Fills in the defaults that depend on optimizer.name. Throws base::InputError for a key that this optimizer has no
/// use for, unless it is the default that earlier versions stored.
void resolve_optimizer(OptimizerSection& optimizer);

/// The numbers that it keeps beside each parameter.
spec::UpdateState update_state(const OptimizerSection& optimizer);

/// "AdamW, betas 0.9 and 0.95, weight decay 0.1", of a section that was resolved, by this version or an earlier one.
std::string describe(const OptimizerSection& optimizer);

}  // namespace trireme::options
