#include "launcher/attempt/step_times.hpp"

#include <gtest/gtest.h>

#include "launcher/attempt/stopwatch.hpp"
#include "tests/support/one_rank_communicator.hpp"

namespace trireme::launcher {
namespace {

TEST(StepTimes, ComputeIsWhatIsLeftOfTheStep) {
  EXPECT_DOUBLE_EQ((OwnTimes{.seconds = 1.0, .data_wait = 0.1, .exposed_communication = 0.2, .saving = 0.3}.compute()),
                   0.4);
  EXPECT_EQ((OwnTimes{.seconds = 0.1, .data_wait = 0.2}.compute()), 0.0);
}

TEST(StepTimes, AreMeansOverTheRanks) {
  tests::OneRankCommunicator control;
  const StepTimes times = over_all_ranks(
      control,
      {.seconds = 1.0, .data_wait = 0.25, .exposed_communication = 0.125, .saving = 0.125, .saving_before = 2.0});
  EXPECT_DOUBLE_EQ(times.data_wait, 0.25);
  EXPECT_DOUBLE_EQ(times.compute, 0.5);
  EXPECT_DOUBLE_EQ(*times.exposed_communication, 0.125);
  EXPECT_DOUBLE_EQ(times.saving, 2.125);
  EXPECT_EQ(times.slowest_rank, 0);
  EXPECT_NEAR(times.slowest_compute, 0.5, 1e-6);
  EXPECT_GT(times.host_memory, 1000U * 1000U);
  EXPECT_FALSE(times.device_memory);
}

TEST(StepTimes, OnADeviceTheHostDoesNotSeeCommunication) {
  tests::OneRankCommunicator control;
  const StepTimes times = over_all_ranks(control, {.seconds = 1.0, .on_device = true, .device_memory = 77});
  EXPECT_FALSE(times.exposed_communication);
  EXPECT_EQ(times.device_memory, 77U);
}

TEST(Stopwatch, OfScopesWithinEachOtherTheOutermostCounts) {
  Stopwatch watch;
  const auto start = std::chrono::steady_clock::now();
  {
    const Stopwatch::Scope outer(watch);
    for (int i = 0; i < 3; ++i) const Stopwatch::Scope inner(watch);
    EXPECT_EQ(watch.seconds(), 0.0);
  }
  EXPECT_GT(watch.seconds(), 0.0);
  EXPECT_LE(watch.seconds(), base::seconds_since(start));
}

}  // namespace
}  // namespace trireme::launcher
