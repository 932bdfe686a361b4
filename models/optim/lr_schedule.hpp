// The learning rate as a pure function of the step.
#pragma once

#include <cstdint>
#include <string>

namespace trireme::optim {

enum class LrKind { kConstant, kLinear, kCosine, kWsd };

const char* name_of(LrKind kind);  ///< "constant", "linear", "cosine", "wsd"
/// Throws base::InputError for any other word.
LrKind lr_kind(const std::string& name);

/// Rises linearly over warmup_steps to `lr`, then follows `kind`:
///   constant  stays;
///   linear    falls in a straight line to min_lr over decay_steps after the warm-up, then stays there;
///   cosine    the same along half a cosine (Loshchilov & Hutter, SGDR);
///   wsd       warm-up, stable, decay: stays, then falls linearly to min_lr over the last decay_steps of total_steps.
/// decay_steps = 0: up to total_steps for linear and cosine, a tenth of total_steps for wsd.
struct LrSchedule {
  LrKind kind = LrKind::kCosine;
  double lr = 3e-4;
  double min_lr = 0.0;
  std::int64_t warmup_steps = 0;
  std::int64_t decay_steps = 0;
  std::int64_t total_steps = 0;
};

/// The learning rate of the update that follows `done` finished updates (0 for the first). Example: warmup_steps = 4,
/// lr = 1: 0.25, 0.5, 0.75, 1, then the decay's first value.
double learning_rate(const LrSchedule& schedule, std::int64_t done);

}  // namespace trireme::optim
