// The order of forwards and backwards on one stage, before any communication.
#pragma once

#include <vector>

#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

/// Forward and backward actions of `stage` in order. `plan` is checked.
std::vector<Action> compute_order(const Plan& plan, int stage);

}  // namespace trireme::schedule
