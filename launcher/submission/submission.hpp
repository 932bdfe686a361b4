// What submit says besides the job's number: what may happen to the job, what it costs, which size would be done first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slurm/queue/command.hpp"
#include "slurm/site/accounting_text.hpp"
#include "slurm/submit/batch_script.hpp"
#include "slurm/submit/layout_fit.hpp"

namespace trireme::launcher {

/// What this site will do to the job that its user should know before it waits in the queue, in sentences.
std::vector<std::string> submission_warnings(const slurm::ScriptPlan& plan, const slurm::Site& site,
                                             std::int64_t chain);

/// "48 billing units an hour, 576 billing units for the whole time limit; …".
std::string price_text(const slurm::ScriptPlan& plan, const slurm::Site& site,
                       const std::optional<std::vector<slurm::FairShare>>& shares);

/// The start that sbatch --test-only promises ("… to start at 2026-01-31T12:00:00 …", local time) in seconds since the
/// epoch. Nothing when the text has none.
std::optional<double> promised_start(const std::string& text);

/// The numbers of nodes worth asking for: the requested one, its halves and doubles, as far as the model's layout
/// divides and the partition allows; at most `most`, smallest first.
std::vector<std::int64_t> candidate_nodes(std::int64_t wished, std::int64_t ranks_per_node, std::int64_t most_nodes,
                                          const slurm::LayoutNeeds& needs, std::size_t most);

/// The wall seconds that the rest of the training takes on `ranks` ranks when it takes `seconds` on `measured_ranks`:
/// in inverse proportion to the number of ranks that the layout uses. The model ignores communication.
double planned_seconds(double seconds, std::int64_t measured_ranks, std::int64_t ranks,
                       const slurm::LayoutNeeds& needs);

}  // namespace trireme::launcher
