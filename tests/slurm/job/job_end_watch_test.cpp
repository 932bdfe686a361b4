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

TEST(JobEndWatch, AsksAtOnceAndAgainAndTellsOfEachChange) {
  std::atomic<int> questions = 0;
  std::latch changes(2);
  const RunCommand squeue = [&](const std::vector<std::string>& words) -> std::optional<CommandResult> {
    EXPECT_EQ(words.back(), "--jobs=7_3");
    const char* answers[] = {"10:00\n", "", "20:00\n"};  // between two answers one that failed
    const int asked = questions++;
    return CommandResult{0, answers[std::min(asked, 2)], ""};
  };
  JobEndWatch watch("7_3", std::nullopt, squeue, 5ms, [&](double) { changes.count_down(); });
  changes.wait();
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(*watch.end(), now + 1200, 2);
}

TEST(JobEndWatch, EndsAtOnceBetweenTwoQuestions) {
  const auto start = std::chrono::steady_clock::now();
  {
    const JobEndWatch watch(
        "7", 1300.0, [](const auto&) { return std::nullopt; }, 1h, [](double) { ADD_FAILURE() << "no change"; });
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(watch.end(), 1300.0);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

}  // namespace
}  // namespace trireme::slurm
