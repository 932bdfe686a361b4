// The steps of an attempt: batches in, updates, and what is logged, validated and saved on the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/tokens/batch_plan.hpp"
#include "io/tokens/prefetcher.hpp"
#include "launcher/attempt/attempt_parts.hpp"
#include "launcher/attempt/early_end.hpp"
#include "launcher/attempt/peak_meter.hpp"
#include "launcher/attempt/replica_check.hpp"
#include "launcher/attempt/saving.hpp"
#include "launcher/attempt/step_judge.hpp"
#include "launcher/attempt/step_log.hpp"
#include "launcher/attempt/step_times.hpp"
#include "launcher/attempt/straggler_watch.hpp"
#include "launcher/attempt/validations.hpp"
#include "launcher/session/session.hpp"
#include "models/optim/lr_schedule.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

class TrainLoop {
 public:
  /// `fast` may be null. `history` is of the whole attempt. All outlive the loop.
  TrainLoop(Session& session, AttemptParts& parts, FastTier* fast, const Start& start, HealthHistory& history);

  /// Collective: trains to the last step, to an end that the options ask for or to a stop request, saving as the
  /// options say. The same outcome on all ranks; nothing when the attempt is to go back to a checkpoint (roll_back()).
  /// base::Error for losses that the options do not let pass, for replicas that differ on a node that the next attempt
  /// can do without, when the lease is lost, or when a rank cannot go on.
  std::optional<slurm::Outcome> run();
  /// Why to go back to the newest checkpoint, still without to_step; samples that it names are to be left out.
  const std::optional<slurm::HealthEvent>& roll_back() const { return roll_back_; }
  /// For the ledger. On rank 0.
  Measured measured() const;

 private:
  /// What all ranks agree on at a step boundary.
  struct Boundary {
    std::int64_t stop = 0;  ///< the vote agreed on, 0 = go on
    bool save_due = false;
    bool save_done = false;  ///< the one under way
    bool measure_due = false;
  };
  Boundary agree_at_boundary();
  std::optional<slurm::Outcome> train();
  slurm::Outcome stopped(std::int64_t stop, const char* remark) const;
  /// Collective: a stop that was agreed on. Saves if the replicas agree.
  slurm::Outcome save_and_stop(std::int64_t stop);
  /// Collective: the end by train.stop_when or run.pause_at, saved, if this step is one; before a step.
  std::optional<slurm::Outcome> end_as_asked();
  /// Collective: saves for an end of this kind ("the run is done"). base::Error when that fails.
  void save_for_end(const char* end);
  /// Collective: the validation and the save that are due after a step.
  void after_step();
  /// Collective: whether the replicas of the parameters agree, if they are compared at all; otherwise roll_back() says
  /// what is wrong, or base::Error is thrown.
  bool replicas_agree(std::int64_t step);
  /// Tells the watchdog how long to wait for the next boundary.
  void set_watchdog();
  /// Whether it was done: false, and nothing has changed, when its batch is left out or roll_back() is set.
  bool step();
  /// Instead of an update, for samples that hold no target.
  void skip_step(const tokens::SampleRange& samples);
  /// Counts the step that was just done.
  void advance(const tokens::SampleRange& samples);
  /// A step that updated nothing: by the policy it is left out, or roll_back() is set, or base::Error is thrown.
  void leave_out(const pipeline::StepResult& result, const tokens::SampleRange& samples);
  /// The agreed vote of a stop that left the validation unfinished, else 0. A resumed attempt makes up for it.
  std::int64_t validate();
  void log_step(const pipeline::StepResult& result, double lr, const OwnTimes& own);

  Session& session_;
  AttemptParts& parts_;
  const options::Resolved& resolved_;
  const options::RunOptions& options_;
  Position at_;
  Saving saving_;
  tokens::BatchPlan plan_;
  optim::LrSchedule lr_schedule_;
  options::StopRule stop_rule_;
  tokens::Prefetcher batches_;
  StepLog step_log_;
  Validations validations_;
  StepJudge judge_;
  ReplicaCheck replicas_;
  StragglerWatch stragglers_;
  HealthHistory& history_;
  std::optional<slurm::HealthEvent> roll_back_;
  double held_before_ = 0.0;  ///< Saving::held_seconds() at the end of the newest step
  PeakMeter peak_;
  double longest_between_ = 0.0;  ///< boundaries so far: a step with its validation and saving
  std::chrono::steady_clock::time_point last_boundary_;
};

}  // namespace trireme::launcher
