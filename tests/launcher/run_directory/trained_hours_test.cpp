#include "launcher/run_directory/trained_hours.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::IsNan;

constexpr double kBegin = 2e9;
constexpr double kHour = 3600.0;

MetricsSeries series(const std::vector<std::int64_t>& steps, const std::vector<double>& hours) {
  MetricsSeries series{.steps = steps, .times = {}, .tokens = {}, .fields = {}};
  for (const double hour : hours) series.times.push_back(kBegin + kHour * hour);
  return series;
}

std::vector<double> starts(const std::vector<double>& hours) {
  std::vector<double> starts;
  for (const double hour : hours) starts.push_back(kBegin + kHour * hour);
  return starts;
}

TEST(TrainedHoursTest, TimeBetweenAttemptsIsLeftOut) {
  EXPECT_THAT(trained_hours(series({1, 2, 3, 4}, {1, 2, 26, 27}), starts({0, 25})), ElementsAre(1, 2, 3, 4));
}

TEST(TrainedHoursTest, StepsDoneAgainCountOnce) {
  EXPECT_THAT(trained_hours(series({1, 2, 3, 4, 3, 4}, {1, 2, 3, 4, 11, 12}), starts({0, 10})),
              ElementsAre(1, 2, 3, 4, 3, 4));
}

TEST(TrainedHoursTest, AValidationLiesAtItsStep) {
  EXPECT_THAT(trained_hours(series({1, 2, 2, 3}, {1, 2, 2.5, 4}), starts({0})), ElementsAre(1, 2, 2, 4));
}

TEST(TrainedHoursTest, WithoutALedgerTheyCountFromTheFirstLine) {
  EXPECT_THAT(trained_hours(series({1, 2, 3}, {1, 2, 4}), {}), ElementsAre(0, 1, 3));
}

TEST(TrainedHoursTest, WhatIsNoTimeIsNone) {
  MetricsSeries some = series({1, 2, 3}, {0, 1, 2});
  some.times[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(trained_hours(some, {}), ElementsAre(IsNan(), 0, 1));
  some.times = {0.5, 1.5, 2.5};  // since a program's own start
  EXPECT_THAT(trained_hours(some, {}), ElementsAre(IsNan(), IsNan(), IsNan()));
}

TEST(TrainedHoursTest, ClocksThatGoBackTakeNoTime) {
  EXPECT_THAT(trained_hours(series({1, 2, 3}, {5, 4, 6}), {}), ElementsAre(0, 0, 2));
}

TEST(TrainedHoursTest, StartsAreSorted) {
  std::vector<slurm::Attempt> attempts(2);
  attempts[0].start.time = 20;
  attempts[1].start.time = 10;
  EXPECT_THAT(start_times(attempts), ElementsAre(10, 20));
}

}  // namespace
}  // namespace trireme::launcher
