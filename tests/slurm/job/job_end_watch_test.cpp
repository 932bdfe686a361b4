#include "slurm/job/job_end_watch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <latch>

namespace trireme::slurm {
namespace {

using namespace std::chrono_literals;

TEST(ChangedEnd, IsWhatSqueueSaysUnlessItIsTheSame) {
  EXPECT_EQ(changed_end("10:00\n", 1000, 1300.0), 1600.0);
  EXPECT_EQ(changed_end("1:00\n", 1000, 1300.0), 1060.0);
  EXPECT_EQ(changed_end("5:00\n", 1000, 1300.9), std::nullopt);  // whole seconds
  EXPECT_EQ(changed_end("5:00\n", 1000, std::nullopt), 1300.0);  // a limit where there was none
}

TEST(ChangedEnd, ALimitMayBeTakenAway) {
  EXPECT_TRUE(std::isinf(changed_end("UNLIMITED\n", 1000, 1300.0).value_or(0)));
  EXPECT_EQ(changed_end("UNLIMITED\n", 1000, std::nullopt), std::nullopt);
}

TEST(ChangedEnd, NoAnswerChangesNothing) {
  for (const char* answer : {"", "\n", "INVALID\n", "NOT_SET\n"})
    EXPECT_EQ(changed_end(answer, 1000, 1300.0), std::nullopt);
}

TEST(TimeLeftOf, AnswersFromBeforeTheJobRanDoNotCount) {
  JobList queue{
      {{"7", "RUNNING", "None", "5:00", "/home", "run"}, {"8", "PENDING", "Resources", "10:00", "/home", "b"}},
      "alpha",
      1000};
  const auto left = time_left_of(queue, "7", 990);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->left, "5:00");
  EXPECT_EQ(left->asked, 1000);
  EXPECT_FALSE(time_left_of(queue, "7", 1001)) << "of the time before a requeue";
  EXPECT_FALSE(time_left_of(queue, "8", 990)) << "it waits, with all of its limit left";
  EXPECT_FALSE(time_left_of(queue, "9", 990));
}

TEST(JobEndWatch, AsksAtOnceAndAgainAndTellsOfEachChange) {
  std::atomic<int> questions = 0;
  std::latch changes(2);
  const auto ask = [&]() -> std::optional<TimeLeft> {
    const int asked = questions++;
    if (asked == 1) return std::nullopt;  // between two answers one that failed
    return TimeLeft{asked == 0 ? "10:00" : "20:00", asked == 0 ? 5000.0 : 5060.0};
  };
  JobEndWatch watch(std::nullopt, ask, 5ms, [&](double) { changes.count_down(); });
  changes.wait();
  EXPECT_EQ(watch.end(), 5060.0 + 1200);
}

TEST(JobEndWatch, EndsAtOnceBetweenTwoQuestions) {
  std::latch asked(1);
  const auto ask = [&]() -> std::optional<TimeLeft> {
    asked.count_down();
    return std::nullopt;
  };
  const JobEndWatch watch(1300.0, ask, 24h, [](double) { ADD_FAILURE() << "no change"; });
  asked.wait();
  EXPECT_EQ(watch.end(), 1300.0);
  // Were the destructor to wait for the next question, the test would run into its time limit.
}

}  // namespace
}  // namespace trireme::slurm
