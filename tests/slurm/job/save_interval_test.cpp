#include "slurm/job/save_interval.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trireme::slurm {
namespace {

Attempt attempt(std::int64_t last, std::int64_t saved, double device_hours, bool ended = true) {
  Attempt made;
  made.ended = ended;
  made.end.last_step = last;
  made.end.saved_step = saved;
  made.end.device_seconds = 3600 * device_hours;
  return made;
}

TEST(SaveInterval, OnlyAttemptsThatLostStepsCountAsInterrupted) {
  const auto rate = interruption_rate({attempt(10, 10, 100), attempt(20, 15, 200), attempt(0, 0, 50, false)});
  EXPECT_EQ(rate.interruptions, 1);
  EXPECT_DOUBLE_EQ(rate.device_hours, 300);
}

TEST(SaveInterval, ThePriorIsOneInterruptionIn50000DeviceHours) {
  EXPECT_DOUBLE_EQ((InterruptionRate{0, 0}.mean_hours(1000)), 50);
  // Ten times in 50,000 device-hours: (50,000 + 50,000) / 11.
  EXPECT_NEAR((InterruptionRate{10, 50'000}.mean_hours(1)), 100'000 / 11.0, 1e-9);
}

TEST(SaveInterval, IsTheMinimumOfTheModelledOverhead) {
  const InterruptionRate rate{3, 10'000};
  for (const double cost : {0.5, 2.0, 10.0}) {
    const auto best = best_interval({cost, cost}, rate, 512);
    const double mean = 3600 * rate.mean_hours(512);
    ASSERT_GT(best.seconds, 61);
    ASSERT_LT(best.seconds, 3599);
    // The first-order model is flat around its minimum: Daly's value costs at most a percent more than any other.
    for (double other = 30; other < 7200; other *= 1.1) {
      EXPECT_LT(best.overhead, 1.01 * modelled_overhead(other, cost, mean)) << cost << " s every " << other;
    }
  }
}

TEST(SaveInterval, StaysBetweenAMinuteOrFourSavesAndAnHour) {
  EXPECT_EQ(best_interval({0.1, 1}, {0, 0}, 1).seconds, 3600);
  EXPECT_EQ(best_interval({0.001, 1}, {1000, 10}, 64).seconds, 60);
  EXPECT_EQ(best_interval({0.001, 30}, {1000, 10}, 64).seconds, 120);
}

TEST(SaveInterval, AShortStallKeepsTheOverheadBelowHalfAPercent) {
  // 1,024 devices, a stall of a second: an interruption every 49 h.
  EXPECT_LT(best_interval({1.0, 20}, {0, 0}, 1024).overhead, 0.005);
}

TEST(SaveInterval, TheReasonNamesCostAndRate) {
  const auto reason = best_interval({0.5, 5}, {2, 1000}, 256).reason;
  EXPECT_NE(reason.find("(a save takes 5 s, of which training waits 500 ms; 2 failures in 1000 device hours so far)"),
            std::string::npos)
      << reason;
  EXPECT_EQ(best_interval({0.3, 0.5}, {0, 0}, 1).reason,
            "next checkpoint in 60 min, the most (a save takes 500 ms, of which training waits 300 ms)");
}

}  // namespace
}  // namespace trireme::slurm
