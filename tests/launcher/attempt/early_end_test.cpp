#include "launcher/attempt/early_end.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using options::parse_stop_rule;
using testing::HasSubstr;

// Validations every ten steps.
std::vector<Validation> losses(const std::vector<double>& values) {
  std::vector<Validation> validations;
  for (const double value : values) {
    validations.push_back({10 * static_cast<std::int64_t>(validations.size() + 1), value});
  }
  return validations;
}

bool ends(const std::string& rule, const std::vector<double>& values) {
  return !reason_to_end(parse_stop_rule(rule), losses(values)).empty();
}

TEST(EarlyEnd, APlateauIsSoManyValidationsWithoutANewLowestOne) {
  EXPECT_FALSE(ends("plateau 2", {}));
  EXPECT_FALSE(ends("plateau 1", {3.0})) << "the first is the lowest so far";
  EXPECT_FALSE(ends("plateau 2", {3.0, 3.1}));
  EXPECT_TRUE(ends("plateau 2", {3.0, 3.1, 3.0})) << "as low is not lower";
  EXPECT_FALSE(ends("plateau 2", {3.0, 3.1, 2.9, 2.95}));
  EXPECT_TRUE(ends("plateau 2", {3.0, 3.1, 2.9, 2.95, 2.92})) << "lower than the one before is not enough";
  EXPECT_TRUE(ends("plateau 2", {3.0, 3.1, 3.2, 3.3})) << "and so on after it";
  EXPECT_FALSE(ends("plateau 4", {3.0, 3.1, 3.2, 3.3})) << "a longer one";
}

TEST(EarlyEnd, ALossThatIsNoNumberIsNoNewLowestOne) {
  const double nan = std::nan("");
  EXPECT_TRUE(ends("plateau 2", {3.0, nan, nan}));
  EXPECT_FALSE(ends("plateau 2", {3.0, nan, 2.9}));
  EXPECT_FALSE(ends("target 3", {nan}));
}

TEST(EarlyEnd, OnlyTheNewestValidationReachesATarget) {
  EXPECT_FALSE(ends("target 2.5", {2.6}));
  EXPECT_TRUE(ends("target 2.5", {2.6, 2.5}));
  EXPECT_FALSE(ends("target 2.5", {2.4, 2.6})) << "the model that would be saved is not at the target";
  EXPECT_FALSE(ends("", {2.4}));
}

TEST(EarlyEnd, TheReasonSaysWhyAndTheLedgerKnowsIt) {
  const std::string plateau = reason_to_end(parse_stop_rule("plateau 2"), losses({3.0, 3.1, 2.9, 2.95, 2.92}));
  EXPECT_EQ(plateau, "done early: 2 validations without a lower valid_loss than 2.9000 at step 30");
  const std::string target = reason_to_end(parse_stop_rule("target 2.5"), losses({2.45}));
  EXPECT_EQ(target, "done early: valid_loss 2.4500 reached the target 2.5");
  for (const std::string& reason : {plateau, target}) {
    EXPECT_TRUE(slurm::ended_early(reason));
    EXPECT_FALSE(slurm::was_asked_to_end(reason));
  }
}

slurm::Attempt ended(const std::string& reason, std::int64_t step) {
  slurm::Attempt attempt;
  attempt.ended = true;
  attempt.end.reason = reason;
  attempt.end.last_step = attempt.end.saved_step = step;
  return attempt;
}

TEST(EarlyEnd, APausedRunHasNothingToDoUntilItsPauseLiesFurther) {
  const std::vector<slurm::Attempt> paused = {ended(pause_outcome(6).reason, 6)};
  EXPECT_EQ(paused_already(paused, 6, 6, 20), 6);
  EXPECT_EQ(paused_already(paused, 6, 4, 20), 6) << "it is past it";
  EXPECT_FALSE(paused_already(paused, 6, 7, 20));
  EXPECT_FALSE(paused_already(paused, 6, 0, 20)) << "no pause is asked for";
  EXPECT_FALSE(paused_already(paused, 6, 6, 6)) << "all steps are done: an attempt says so";
  EXPECT_FALSE(paused_already(paused, 3, 6, 20)) << "its checkpoint went away";
  EXPECT_FALSE(paused_already({}, 0, 6, 20));
  EXPECT_FALSE(paused_already({ended("stopped by SIGTERM", 6)}, 6, 6, 20)) << "its validation may be missing";
  std::vector<slurm::Attempt> killed = paused;
  killed.emplace_back();
  EXPECT_FALSE(paused_already(killed, 6, 6, 20));
}

TEST(EarlyEnd, NobodyBringsAPausedRunBack) {
  const slurm::Outcome outcome = pause_outcome(6);
  EXPECT_EQ(outcome.exit_code, base::kExitStopped);
  EXPECT_FALSE(outcome.come_back);
  EXPECT_EQ(outcome.step, 6);
  EXPECT_EQ(outcome.saved_step, 6);
}

}  // namespace
}  // namespace trireme::launcher
