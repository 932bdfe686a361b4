#include "launcher/sweep/trial_facts.hpp"

#include <gtest/gtest.h>

#include "io/lease/lease.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "tests/launcher/sweep/fake_trial.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using Kind = Verdict::Kind;

class TrialFactsTest : public testing::Test {
 protected:
  TrialFactsTest() {
    header_.trials = 1;
    header_.metric = "valid_loss";
    header_.plan.rungs = {9, 27};
  }

  /// `rung` 0 pauses at step 9, rung 1 is the end.
  Verdict judged(std::size_t rung, std::optional<SeenEnd> end, int failures = 0) {
    SweepClaim claim;
    claim.rung = rung;
    claim.attempts = attempts_before_;
    const TrialFacts facts = read_trial(files_, run_.path(), header_.metric, rung == 0 ? 9 : 0);
    return judge(facts, header_, claim, end, {failures, failures});
  }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory run_;
  tests::FakeTrial trial_{run_.path()};
  SweepHeader header_;
  int attempts_before_ = 0;
};

TEST_F(TrialFactsTest, APauseAtTheRungIsAResultWhoeverSawIt) {
  trial_.begins(27);
  trial_.measures(4, "valid_loss", 5.0);
  trial_.measures(9, "valid_loss", 4.5);
  trial_.ends(9, "paused at step 9", 75);
  for (const std::optional<SeenEnd>& end : {std::optional<SeenEnd>(), std::optional<SeenEnd>(SeenEnd{75})}) {
    const Verdict verdict = judged(0, end);
    EXPECT_EQ(verdict.kind, Kind::kReached);
    EXPECT_EQ(verdict.metric, 4.5);
  }
  attempts_before_ = 1;
  EXPECT_EQ(judged(1, std::nullopt).kind, Kind::kReleased) << "the pause before, seen on the way to the next rung";
  EXPECT_FALSE(judged(1, std::nullopt).failed);
}

TEST_F(TrialFactsTest, LaterStepsDoNotCountAtARung) {
  trial_.begins(27);
  trial_.measures(9, "valid_loss", 4.5);
  trial_.measures(27, "valid_loss", 3.0);
  trial_.ends(27, "done", 0);
  EXPECT_EQ(judged(0, SeenEnd{0}).metric, 4.5) << "a program that does not know how to pause";
  EXPECT_EQ(judged(1, std::nullopt).metric, 3.0);
}

TEST_F(TrialFactsTest, AnEndWithoutTheMetricIsAFailureThatSaysWhatToSet) {
  trial_.begins(27);
  trial_.measures(9, "loss", 4.5);
  trial_.ends(27, "done", 0);
  const Verdict verdict = judged(1, SeenEnd{0});
  EXPECT_EQ(verdict.how, "failed");
  EXPECT_NE(verdict.why.find("logged no valid_loss"), std::string::npos);
}

TEST_F(TrialFactsTest, ALossThatIsNoNumberIsADivergence) {
  trial_.begins(27);
  trial_.ends(5, "failed: step 6 has loss nan and gradient norm inf (samples 1 to 2): nothing was updated or saved", 1);
  EXPECT_EQ(judged(0, SeenEnd{1}).how, "diverged");
  EXPECT_NE(judged(0, SeenEnd{1}).why.find("step 6"), std::string::npos);
}

TEST_F(TrialFactsTest, AMetricThatIsNoNumberIsADivergence) {
  trial_.begins(27);
  for (const base::Json& value : {base::Json("nan"), base::Json(nullptr), base::Json("inf")}) {
    trial_.measures(9, "valid_loss", value);
    trial_.ends(9, "paused at step 9", 75);
    EXPECT_EQ(judged(0, SeenEnd{75}).how, "diverged") << value;
  }
}

TEST_F(TrialFactsTest, AStopIsNoFailure) {
  trial_.begins(27);
  trial_.ends(5, "stopped by SIGUSR1", 75);
  const Verdict verdict = judged(0, SeenEnd{75}, 100);
  EXPECT_EQ(verdict.kind, Kind::kReleased);
  EXPECT_FALSE(verdict.failed);
  std::filesystem::create_directories(run_.path() / "control");
  files_.replace(run_.path() / "control" / "stop", "");
  EXPECT_EQ(judged(0, SeenEnd{75}).how, "stopped") << "somebody asked for this trial";
}

TEST_F(TrialFactsTest, FailuresAreTriedAgainAFewTimes) {
  trial_.begins(27);
  trial_.ends(5, "failed: a node died", 1);
  EXPECT_EQ(judged(0, SeenEnd{1}, 0).kind, Kind::kReleased);
  EXPECT_TRUE(judged(0, SeenEnd{1}, 0).failed);
  const Verdict last = judged(0, SeenEnd{1}, kMostFailures - 1);
  EXPECT_EQ(last.how, "failed");
  EXPECT_NE(last.why.find("a node died"), std::string::npos);
}

TEST_F(TrialFactsTest, BadInputIsNotTriedAgain) {
  trial_.begins(27);
  trial_.ends(0, "failed: unknown key", 2);
  EXPECT_EQ(judged(0, SeenEnd{2}).how, "failed");
  EXPECT_EQ(judged(0, std::nullopt).how, "failed");
}

TEST_F(TrialFactsTest, AKilledTrialGoesOn) {
  trial_.begins(27);
  EXPECT_TRUE(judged(0, SeenEnd{137}).failed);
  EXPECT_EQ(judged(0, SeenEnd{137}, kMostFailures).kind, Kind::kReleased) << "kills are rarely its fault";
  EXPECT_EQ(judged(0, SeenEnd{137}, kMostKills - 1).how, "failed");
}

TEST_F(TrialFactsTest, AProgramThatLeavesBeforeItsRungAgainAndAgainFails) {
  trial_.begins(27);
  trial_.ends(5, slurm::kLeftByItself, 75);
  EXPECT_TRUE(judged(0, SeenEnd{75}, 0).failed);
  EXPECT_EQ(judged(0, SeenEnd{75}, kMostFailures - 1).how, "failed");
}

TEST_F(TrialFactsTest, AKilledProgramGoesOn) {
  trial_.begins(27);
  trial_.ends(5, "failed: the program was ended by signal 9 (Killed)", 1);
  EXPECT_EQ(judged(0, SeenEnd{1}, kMostFailures).kind, Kind::kReleased);
}

TEST_F(TrialFactsTest, AWorkerThatDiedBeforeItBeganFailedNothing) {
  EXPECT_FALSE(judged(0, std::nullopt).failed);
  trial_.begins(27);
  trial_.ends(3, "failed: something", 1);
  attempts_before_ = 1;
  EXPECT_FALSE(judged(0, std::nullopt, kMostFailures - 1).failed) << "the failure was counted before";
}

TEST_F(TrialFactsTest, AStartThatFailedBeforeItBeganIsNotTheAttemptBeforeIt) {
  trial_.begins(27);
  trial_.ends(3, "paused at step 3", 75);
  attempts_before_ = 1;
  EXPECT_EQ(judged(1, SeenEnd{2}).how, "failed") << "the dataset was moved";
  EXPECT_TRUE(judged(1, SeenEnd{1}).failed);
  EXPECT_EQ(judged(1, SeenEnd{1}, kMostFailures - 1).how, "failed");
}

TEST_F(TrialFactsTest, AJobThatLeavesFailingNodesCountsTheStartsThatFailedThere) {
  EXPECT_FALSE(judged(0, SeenEnd{1, true}, kMostFailures - 1).failed) << "no start began on nodes that were lost";
  for (int start = 0; start < 2; ++start) {
    trial_.begins(27);
    trial_.ends(0, "failed on n1: cannot open the data", 1);
  }
  const Verdict first = judged(0, SeenEnd{1, true});
  EXPECT_EQ(first.kind, Kind::kReleased);
  EXPECT_EQ(first.starts, 2);
  EXPECT_EQ(judged(0, SeenEnd{1, true}, first.starts).how, "failed") << "it would be requeued for ever";
}

TEST_F(TrialFactsTest, ATrialThatSomebodyHoldsRuns) {
  checkpoint::LeaseWorld world = checkpoint::real_world(nullptr, nullptr);
  auto lease = checkpoint::Lease::acquire(files_, run_.path(), checkpoint::this_process("local", 0), world, nullptr);
  EXPECT_EQ(judged(0, std::nullopt).kind, Kind::kRuns);
  lease.release();
  EXPECT_EQ(judged(0, std::nullopt).kind, Kind::kReleased);
}

TEST_F(TrialFactsTest, HostileFilesSayNothing) {
  files_.replace(run_.path() / "metrics.jsonl",
                 "{\"step\":\"x\",\"valid_loss\":1}\n[\"valid_loss\"]\n{\"step\":1e99,\"valid_loss\":2}\n{\"valid_"
                 "loss\":3}\n\"valid_loss");
  files_.replace(run_.path() / "attempts.jsonl", "{\"event\":7}\nnull\n");
  const TrialFacts facts = read_trial(files_, run_.path(), "valid_loss", 0);
  EXPECT_FALSE(facts.metric || facts.ended || facts.finished);
}

}  // namespace
}  // namespace trireme::launcher
