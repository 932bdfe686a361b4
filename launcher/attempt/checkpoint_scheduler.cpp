#include "launcher/attempt/checkpoint_scheduler.hpp"

#include <utility>

namespace trireme::launcher {
namespace {

bool is_due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

}  // namespace

SaveRules save_rules(const options::CheckpointSection& checkpoint) {
  SaveRules rules;
  rules.every_steps = checkpoint.every_steps;
  rules.fast_every_steps = checkpoint.fast_dir.empty() ? 0 : checkpoint.fast_every_steps;
  if (checkpoint.every_minutes) {
    rules.every_seconds = 60 * *checkpoint.every_minutes;
  } else if (checkpoint.every_steps == 0) {
    rules.every_seconds.reset();
  }
  return rules;
}

SaveDue CheckpointScheduler::at_boundary(std::int64_t step, Time now, bool asked, UnderWay under_way) const {
  if (under_way == UnderWay::kCheckpoint) return SaveDue::kNothing;
  if (step == saved_step_) return asked && step > 0 ? SaveDue::kAnswer : SaveDue::kNothing;
  if (asked) return SaveDue::kByRequest;
  const std::chrono::duration<double> since = now - last_begin_;
  return interval() > 0 && since.count() >= interval() ? SaveDue::kByTime : SaveDue::kNothing;
}

SaveDue CheckpointScheduler::after_step(std::int64_t step, UnderWay under_way) const {
  if (is_due(step, rules_.every_steps)) return SaveDue::kBySteps;
  const bool fast = under_way == UnderWay::kNothing && is_due(step, rules_.fast_every_steps);
  return fast ? SaveDue::kInFastTier : SaveDue::kNothing;
}

bool CheckpointScheduler::choose(double seconds) { return !std::exchange(chosen_, seconds); }

}  // namespace trireme::launcher
