// Judges the loss of each step before anything is updated, and says what becomes of a batch that is not fit to learn
// from.
#pragma once

#include <optional>
#include <string>

#include "base/log.hpp"
#include "launcher/attempt/health_history.hpp"
#include "launcher/attempt/position.hpp"
#include "launcher/attempt/run_keeper.hpp"
#include "launcher/options/run_options.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {

/// A batch that updated nothing.
struct BadBatch {
  std::int64_t step = 0;  ///< that it would have led to
  tokens::SampleRange samples;
  double loss = 0.0;
  double grad_norm = 0.0;
  bool finite = true;  ///< else loss or norm is not
};

/// Every rank has one and comes to the same answers; the keeper and the log write on rank 0 only.
class StepJudge {
 public:
  /// `order`: tokens::order_id of the data. `keeper`, `history` outlive the object.
  StepJudge(const options::TrainSection& options, std::string order, RunKeeper& keeper, HealthHistory& history,
            const base::Log& log);

  /// Whether the loss is one that train.on_spike is for.
  bool is_bad(const Position& at, double loss) const;
  /// Whether its policy only leaves it out.
  bool skips(const BadBatch& batch) const { return policy_of(batch) == "skip"; }
  /// A step updated the parameters: takes its loss into the window of `at`.
  void updated(Position& at, double loss);

  /// By train.on_spike or train.on_nonfinite. Leaves the batch out of `at` and returns nothing, or returns the event of
  /// a roll-back, still without to_step, which the caller is to make. Throws base::Error for "stop", and when leaving
  /// batches out did not help: five in a row, or five roll-backs to the same checkpoint (`saved_step`).
  std::optional<slurm::HealthEvent> bad(Position& at, const BadBatch& batch, std::int64_t saved_step);

 private:
  const std::string& policy_of(const BadBatch& batch) const {
    return batch.finite ? options_.on_spike : options_.on_nonfinite;
  }
  slurm::HealthEvent event_of(const Position& at, const BadBatch& batch) const;
  [[noreturn]] void stop(slurm::HealthEvent event, const std::string& why, std::int64_t saved_step);

  const options::TrainSection& options_;
  SpikeRule rule_;
  std::string order_;
  RunKeeper& keeper_;
  HealthHistory& history_;
  base::Log log_;
};

}  // namespace trireme::launcher
