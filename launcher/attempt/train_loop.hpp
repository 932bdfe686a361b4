// The steps of an attempt: batches in, updates, and what is logged, validated and saved on the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "io/tokens/batch_plan.hpp"
#include "io/tokens/prefetcher.hpp"
#include "launcher/attempt/loop_parts.hpp"
#include "launcher/attempt/saving.hpp"
#include "launcher/console/step_report.hpp"
#include "launcher/session/session.hpp"
#include "models/optim/lr_schedule.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

class TrainLoop {
 public:
  TrainLoop(Session& session, const LoopParts& parts, const Position& start);

  /// Collective: trains to the last step or to a stop request, saving as the options say. The same outcome on all
  /// ranks. base::Error when loss or norm stops being finite, when the lease is lost, or when a rank cannot go on.
  slurm::Outcome run();
  /// What saves cost, and how often they are made; on rank 0.
  const Saving& saving() const { return saving_; }

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
  /// Collective: from the metrics of earlier attempts.
  void find_validated_step();
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
  /// The agreed vote of a stop that left the validation unfinished, else 0. A resumed attempt makes up for it.
  std::int64_t validate();
  void log_step(const pipeline::StepResult& result, double lr, double seconds);
  std::string sample_list() const;

  Session& session_;
  LoopParts parts_;
  const options::Resolved& resolved_;
  const options::RunOptions& options_;
  Position at_;
  Saving saving_;
  tokens::BatchPlan plan_;
  optim::LrSchedule lr_schedule_;
  tokens::Prefetcher batches_;
  StepPrinter printer_;
  double peak_ = 0.0;
  int measurements_ = 1;             ///< of the peak
  bool peak_exceeded_ = false;       ///< on rank 0: a step was faster than the peak, which was measured in a bad moment
  std::int64_t timed_steps_ = 0;     ///< of this attempt, on rank 0
  double mean_seconds_ = 0.0;        ///< of a step on rank 0, exponentially smoothed, without the first
  double longest_between_ = 0.0;     ///< boundaries so far: a step with its validation and saving
  std::int64_t validated_step_ = 0;  ///< the newest one whose validation is in the metrics
  std::chrono::steady_clock::time_point last_boundary_;
};

}  // namespace trireme::launcher
