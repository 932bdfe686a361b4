// What the options say about ending before the last step: run.pause_at and train.stop_when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/options/stop_rule.hpp"
#include "launcher/run_directory/metrics_log.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

/// Why a run whose validations were these, oldest first, ends by the rule: "done early: …", which
/// slurm::ended_early() knows; "" when it goes on. Only the newest validation counts for a target. A loss that is no
/// number is no new lowest one.
std::string reason_to_end(const options::StopRule& rule, const std::vector<Validation>& validations);

/// The end of an attempt that paused after `step`, of which there is a checkpoint: "paused at step 6", which
/// slurm::is_paused() knows. Nobody brings the run back by itself.
slurm::Outcome pause_outcome(std::int64_t step);

/// The step at which a run stands that is to pause at `pause_at` and has nothing more to do for it: its last attempt
/// paused there or later, and a checkpoint of that step is there. `saved_step`: of the newest checkpoint. Nothing when
/// an attempt has to look: the run is to go on, is done, or something else happened since.
std::optional<std::int64_t> paused_already(const std::vector<slurm::Attempt>& attempts, std::int64_t saved_step,
                                           std::int64_t pause_at, std::int64_t steps);

}  // namespace trireme::launcher
