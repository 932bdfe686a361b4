#include "models/optim/lr_schedule.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::optim {
namespace {

LrSchedule schedule(LrKind kind) {
  LrSchedule schedule;
  schedule.kind = kind;
  schedule.lr = 1.0;
  schedule.min_lr = 0.2;
  schedule.warmup_steps = 4;
  schedule.total_steps = 24;
  return schedule;
}

TEST(LrSchedule, EveryKindWarmsUpInEqualSteps) {
  for (const LrKind kind : {LrKind::kConstant, LrKind::kLinear, LrKind::kCosine, LrKind::kWsd}) {
    EXPECT_DOUBLE_EQ(learning_rate(schedule(kind), 0), 0.25) << name_of(kind);
    EXPECT_DOUBLE_EQ(learning_rate(schedule(kind), 2), 0.75) << name_of(kind);
    EXPECT_DOUBLE_EQ(learning_rate(schedule(kind), 3), 1.0) << name_of(kind);
    EXPECT_DOUBLE_EQ(learning_rate(schedule(kind), 4), 1.0) << name_of(kind);
  }
}

TEST(LrSchedule, ConstantStays) { EXPECT_DOUBLE_EQ(learning_rate(schedule(LrKind::kConstant), 1000), 1.0); }

TEST(LrSchedule, LinearFallsInAStraightLine) {
  EXPECT_DOUBLE_EQ(learning_rate(schedule(LrKind::kLinear), 9), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(schedule(LrKind::kLinear), 14), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(schedule(LrKind::kLinear), 24), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(schedule(LrKind::kLinear), 100), 0.2);
}

TEST(LrSchedule, CosineFallsAlongHalfACosine) {
  EXPECT_NEAR(learning_rate(schedule(LrKind::kCosine), 9), 0.2 + 0.8 * 0.85355339059327373, 1e-15);
  EXPECT_NEAR(learning_rate(schedule(LrKind::kCosine), 14), 0.6, 1e-15);
  EXPECT_NEAR(learning_rate(schedule(LrKind::kCosine), 23), 0.2 + 0.8 * 0.0061558297024311148, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate(schedule(LrKind::kCosine), 24), 0.2);
}

TEST(LrSchedule, WsdIsStableAndThenFallsOverTheLastSteps) {
  LrSchedule wsd = schedule(LrKind::kWsd);
  wsd.decay_steps = 8;
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 15), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 16), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 20), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 24), 0.2);
  wsd.decay_steps = 0;  // a tenth of 24: the last 2
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 22), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 23), 0.6);
}

TEST(LrSchedule, DecayStepsCountFromTheEndOfTheWarmUp) {
  LrSchedule linear = schedule(LrKind::kLinear);
  linear.decay_steps = 4;
  EXPECT_DOUBLE_EQ(learning_rate(linear, 6), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(linear, 8), 0.2);
}

TEST(LrSchedule, NamesAreReadBackAndOthersRefused) {
  for (const LrKind kind : {LrKind::kConstant, LrKind::kLinear, LrKind::kCosine, LrKind::kWsd}) {
    EXPECT_EQ(lr_kind(name_of(kind)), kind);
  }
  EXPECT_THROW(lr_kind("cosinus"), base::InputError);
}

}  // namespace
}  // namespace trireme::optim
