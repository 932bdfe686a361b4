// When a training saves.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "launcher/options/run_options.hpp"

namespace trireme::launcher {

/// When the options say to save (docs/checkpoints.md, "When").
struct SaveRules {
  std::int64_t every_steps = 0;               ///< 0 = not by steps
  std::optional<double> every_seconds = 0.0;  ///< 0 = not by time; nothing: by an interval that is chosen
  std::int64_t fast_every_steps = 0;          ///< to the fast tier; 0 = there is none
};
SaveRules save_rules(const options::CheckpointSection& checkpoint);

/// What to save now, and why.
enum class SaveDue {
  kNothing,
  kByRequest,  ///< somebody asked for a checkpoint
  kByTime,
  kBySteps,
  kInFastTier,  ///< by steps too, but to the fast tier
  kAtEnd,       ///< the last step, or a stop
  kAnswer,      ///< nothing, but a request is to be answered: this step is saved already
};

/// Decides from what it is told: it has no clock of its own, saves nothing and asks nobody. All clock readings are of
/// the same clock.
class CheckpointScheduler {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Seconds between saves where the interval is chosen, until it is.
  static constexpr double kUntilChosen = 600;

  /// What is being written beside the training.
  enum class UnderWay { kNothing, kCheckpoint, kFastTier };

  /// `saved_step`: of the newest checkpoint in the run directory, 0 = none. The first interval begins at `now`.
  CheckpointScheduler(const SaveRules& rules, std::int64_t saved_step, Time now)
      : rules_(rules), saved_step_(saved_step), last_begin_(now) {}

  /// At a step boundary, before step + 1: kByRequest, kByTime, kAnswer or kNothing. `asked`: a request is there.
  /// Nothing while a checkpoint is being written; a save to the fast tier does not count.
  SaveDue at_boundary(std::int64_t step, Time now, bool asked, UnderWay under_way) const;
  /// After `step`: kBySteps, kInFastTier or kNothing. Depends on nothing that differs between ranks. A save by steps
  /// waits for what is being written, one to the fast tier is left out.
  SaveDue after_step(std::int64_t step, UnderWay under_way) const;
  /// When an attempt ends with `step`, once nothing is being written: kAtEnd, or kNothing when it is saved.
  SaveDue at_end(std::int64_t step) const { return step == saved_step_ ? SaveDue::kNothing : SaveDue::kAtEnd; }

  /// A save to the run directory began.
  void begun(Time now) { last_begin_ = now; }
  /// One of `step` is committed.
  void saved(std::int64_t step) { saved_step_ = step; }
  std::int64_t saved_step() const { return saved_step_; }

  bool chooses_interval() const { return !rules_.every_seconds; }
  /// Where the interval is chosen: it is now so many seconds. True the first time.
  bool choose(double seconds);
  /// Seconds between saves by time, as they are now; 0 = none.
  double interval() const { return rules_.every_seconds.value_or(chosen_.value_or(kUntilChosen)); }

 private:
  SaveRules rules_;
  std::int64_t saved_step_;
  Time last_begin_;
  std::optional<double> chosen_;
};

}  // namespace trireme::launcher
