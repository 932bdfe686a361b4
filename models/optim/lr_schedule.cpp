#include "models/optim/lr_schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace trireme::optim {
namespace {

constexpr std::array<const char*, 4> kNames{"constant", "linear", "cosine", "wsd"};

struct Decay {
  std::int64_t first = 0;  ///< number of updates done when the decay begins
  std::int64_t steps = 0;
};

Decay decay_of(const LrSchedule& schedule) {
  if (schedule.kind == LrKind::kWsd) {
    const std::int64_t steps = schedule.decay_steps > 0 ? schedule.decay_steps : schedule.total_steps / 10;
    return {std::max(schedule.total_steps - steps, schedule.warmup_steps), steps};
  }
  const std::int64_t rest = schedule.total_steps - schedule.warmup_steps;
  return {schedule.warmup_steps, schedule.decay_steps > 0 ? schedule.decay_steps : rest};
}

}  // namespace

const char* name_of(LrKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

LrKind lr_kind(const std::string& name) {
  for (std::size_t index = 0; index < kNames.size(); ++index) {
    if (name == kNames[index]) return static_cast<LrKind>(index);
  }
  throw base::InputError(base::str("unknown learning-rate schedule ", name, ": give constant, linear, cosine or wsd"));
}

double learning_rate(const LrSchedule& schedule, std::int64_t done) {
  if (done < schedule.warmup_steps) {
    return schedule.lr * static_cast<double>(done + 1) / static_cast<double>(schedule.warmup_steps);
  }
  if (schedule.kind == LrKind::kConstant) return schedule.lr;
  const Decay decay = decay_of(schedule);
  if (done < decay.first) return schedule.lr;
  if (done >= decay.first + decay.steps) return schedule.min_lr;
  const double part = static_cast<double>(done - decay.first) / static_cast<double>(decay.steps);
  const double kept = schedule.kind == LrKind::kCosine ? 0.5 * (1.0 + std::cos(std::numbers::pi * part)) : 1.0 - part;
  return schedule.min_lr + kept * (schedule.lr - schedule.min_lr);
}

}  // namespace trireme::optim
