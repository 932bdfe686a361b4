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
#include "launcher/attempt/saving.hpp"
#include "launcher/attempt/step_log.hpp"
#include "launcher/session/session.hpp"
#include "models/optim/lr_schedule.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

class TrainLoop {
 public:
  /// `fast` may be null. All outlive the loop.
  TrainLoop(Session& session, AttemptParts& parts, FastTier* fast, const Start& start);

  /// Collective: trains to the last step, to an end that the options ask for or to a stop request, saving as the
  /// options say. The same outcome on all ranks. base::Error when loss or norm stops being finite, when the lease is
  /// lost, or when a rank cannot go on.
  slurm::Outcome run();
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
  slurm::Outcome train();
  slurm::Outcome stopped(std::int64_t stop, const char* remark) const;
  /// Collective: the end by train.stop_when or run.pause_at, saved, if this step is one; before a step.
  std::optional<slurm::Outcome> end_as_asked();
  /// Collective: saves for an end of this kind ("the run is done"). base::Error when that fails.
  void save_for_end(const char* end);
  /// Collective: from the metrics of earlier attempts.
  void find_validations();
  /// Tells the watchdog how long to wait for the next boundary.
  void set_watchdog();
  void measure_peak_again();
  void step();
  /// Instead of an update, for samples that hold no target.
  void skip_step();
  /// Counts the step that was just done.
  void advance();
  /// Whether a validation belongs to the step that was just done.
  bool validation_due() const;
  bool validation_missed() const { return validation_due() && validated_step_ != at_.step; }
  /// The agreed vote of a stop that left the validation unfinished, else 0. A resumed attempt makes up for it.
  std::int64_t validate();
  void log_step(const pipeline::StepResult& result, double lr, double seconds);
  /// The share of the peak that a step of so many seconds reached; nothing when it cannot be: the peak was measured in
  /// a bad moment. Then, and close to it, the peak is measured again.
  std::optional<double> peak_share(double seconds);
  std::string sample_list() const;

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
  double peak_ = 0.0;
  int measurements_ = 1;                 ///< of the peak
  bool peak_exceeded_ = false;           ///< a step was faster than the peak, or nearly
  double longest_between_ = 0.0;         ///< boundaries so far: a step with its validation and saving
  std::int64_t validated_step_ = 0;      ///< the newest one whose validation is in the metrics
  std::vector<Validation> validations_;  ///< of the run so far; on ranks other than 0, of this attempt
  std::chrono::steady_clock::time_point last_boundary_;
};

}  // namespace trireme::launcher
