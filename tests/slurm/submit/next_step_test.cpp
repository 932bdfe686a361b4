#include "slurm/submit/next_step.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

using Kind = NextStep::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

// Two nodes of two ranks, tp 2, allowed to requeue.
Situation beginning() {
  Situation situation;
  situation.may_requeue = true;
  situation.hosts = {"n1", "n2"};
  situation.ranks_per_node = 2;
  situation.needs = {2, 1, 0, 8, 1, false};
  return situation;
}

Situation after(int exit_code, const std::string& reason, bool come_back = true) {
  Situation situation = beginning();
  situation.launcher_exit = 137;  // mpirun's code means nothing once there is an outcome
  situation.outcome = Outcome{exit_code, reason, 10, 10, come_back};
  return situation;
}

Attempt ended(std::int64_t first, std::int64_t saved, const std::string& reason) {
  Attempt attempt;
  attempt.start.first_step = first;
  attempt.ended = true;
  attempt.end.saved_step = saved;
  attempt.end.reason = reason;
  return attempt;
}

TEST(Decide, StartsOnAllNodes) {
  const NextStep next = decide(beginning());
  EXPECT_EQ(next.kind, Kind::kGo);
  EXPECT_EQ(next.where->words(false), "--host n1:2,n2:2 -n 4");
  EXPECT_EQ(next.where->dp, 2);
}

TEST(Decide, DoesNotStartWhatIsDoneOrStopped) {
  Situation situation = beginning();
  situation.finished = true;
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  EXPECT_EQ(decide(situation).exit_code, 0);  // the remaining links of a chain end well
  situation.finished = false;
  situation.stopped = true;
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  EXPECT_EQ(decide(situation).exit_code, base::kExitStopped);
}

TEST(Decide, AStepOnTheNodesOwnDisksThatTheNextAttemptTookIsProgress) {
  Situation situation = after(1, "failed on n2: a bus error");
  situation.attempts = {ended(0, 0, "killed"), ended(60, 0, "killed"), ended(120, 0, "killed")};
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
  situation.attempts = {ended(60, 0, "killed"), ended(60, 0, "killed"), ended(60, 0, "killed")};
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
}

TEST(Decide, EndsWithDoneAndWithBadInput) {
  EXPECT_EQ(decide(after(0, "done")).exit_code, 0);
  EXPECT_EQ(decide(after(0, "done")).kind, Kind::kEnd);
  EXPECT_EQ(decide(after(2, "bad")).kind, Kind::kEnd);
  EXPECT_EQ(decide(after(2, "bad")).exit_code, 2);
  Situation refused = beginning();
  refused.launcher_exit = 2;  // refused before there was a run directory
  EXPECT_EQ(decide(refused).kind, Kind::kEnd);
  EXPECT_EQ(decide(refused).exit_code, 2);
}

TEST(Decide, RequeuesWhatWasStopped) {
  EXPECT_EQ(decide(after(75, "stopped by SIGUSR1")).kind, Kind::kRequeue);
  EXPECT_EQ(decide(after(75, "stopped by SIGUSR1")).exit_code, 75);
}

TEST(Decide, DoesNotRequeueWhatSomebodyStoppedOrAJobWithoutTheRight) {
  EXPECT_EQ(decide(after(75, "stopped by ann's request", false)).kind, Kind::kEnd);
  Situation stopped = after(75, "stopped by SIGUSR1");
  stopped.stopped = true;
  EXPECT_EQ(decide(stopped).kind, Kind::kEnd);
  Situation chain = after(75, "stopped before the time limit");
  chain.may_requeue = false;
  EXPECT_EQ(decide(chain).kind, Kind::kEnd);
  EXPECT_EQ(decide(chain).exit_code, 75);
}

TEST(Decide, StartsAgainInsideTheAllocationAfterACrash) {
  const NextStep next = decide(after(1, "failed on n2: out of memory"));
  EXPECT_EQ(next.kind, Kind::kGo);
  EXPECT_EQ(next.where->ranks, 4);
  Situation killed = beginning();
  killed.launcher_exit = 137;
  EXPECT_EQ(decide(killed).kind, Kind::kGo);
}

TEST(Decide, LeavesOutALostNode) {
  Situation situation = beginning();
  situation.launcher_exit = 1;
  situation.lost = {"n1"};
  const NextStep next = decide(situation);
  EXPECT_EQ(next.kind, Kind::kGo);
  EXPECT_EQ(next.where->words(false), "--host n2:2 -n 2");
  EXPECT_EQ(next.where->dp, 1);
  EXPECT_THAT(next.why, HasSubstr("1 of 2 nodes"));
}

TEST(Decide, LeavesOutANodeThatFailedTwice) {
  Situation situation = after(1, "failed on n2: ECC error");
  situation.attempts = {ended(0, 10, "failed on n2: ECC error"), ended(10, 20, "failed on n1: disk full"),
                        ended(20, 30, "failed on n2: ECC error")};
  EXPECT_EQ(decide(situation).where->words(false), "--host n1:2 -n 2");
  EXPECT_THAT(failing_hosts(situation.attempts, 0), ElementsAre("n2"));
}

TEST(Decide, LeavesOutANodeWhoseReplicasWereWrongOnce) {
  Situation situation =
      after(1, "failed: after step 20 the parameters of rank 2 (host n2) are not those of their replicas");
  situation.attempts = {ended(0, 10, "stopped by SIGTERM"), ended(10, 20, "failed: …")};
  situation.attempts.back().health = {{.kind = "corruption", .action = "stopped", .rank = 2, .host = "n2"}};
  EXPECT_EQ(decide(situation).where->words(false), "--host n1:2 -n 2");
  for (const char* action : {"rolled back", "named"}) {
    situation.attempts.back().health[0].action = action;
    EXPECT_TRUE(failing_hosts(situation.attempts, 0).empty()) << action;
  }
  situation.attempts.back().health = {{.kind = "corruption", .action = "stopped"}};  // of two replicas none is named
  EXPECT_TRUE(failing_hosts(situation.attempts, 0).empty());
}

TEST(Decide, DoesNotRepeatWhatLossesEnded) {
  Situation situation = after(1, "failed: step 21 has loss 50");
  situation.attempts = {ended(0, 10, "failed: …"), ended(10, 20, "failed: step 21 has loss 50")};
  const auto ends_with = [&](const char* kind, std::int64_t step) {
    return HealthEvent{.kind = kind, .action = "stopped", .step = step, .first_sample = 8 * step};
  };
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
  situation.attempts[1].health = {ends_with("spike", 21)};
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  EXPECT_THAT(decide(situation).why, HasSubstr("repeat this: failed: step 21"));
  situation.attempts[1].health = {ends_with("nonfinite", 21)};
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
  situation.attempts[0].health = {ends_with("nonfinite", 12)};
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
  situation.attempts[0].health = {ends_with("nonfinite", 21)};
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  situation.attempts[1].health.push_back({.kind = "straggler", .action = "named"});
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
}

TEST(Decide, GivesAFailingNodeAnotherChanceAfterARequeue) {
  Situation situation = beginning();
  situation.attempts = {ended(0, 10, "failed on n2: x"), ended(10, 20, "failed on n2: x")};
  situation.restart_count = 1;
  EXPECT_EQ(decide(situation).where->ranks, 4);
}

TEST(Decide, RequeuesWhenNoTimeIsLeftToStartAgain) {
  Situation situation = after(1, "failed on n2: x");
  situation.seconds_needed = 60;
  situation.seconds_left = 59;
  EXPECT_EQ(decide(situation).kind, Kind::kRequeue);
  situation.seconds_left = 61;
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
}

TEST(Decide, StartsAndEndsNothingInsideAGrace) {
  Situation killed = beginning();
  killed.launcher_exit = 137;  // mpirun's daemons died of the notice before a save
  killed.preempted = true;
  EXPECT_EQ(decide(killed).kind, Kind::kRequeue);
  killed.failed_starts = 3;  // srun may refuse new steps by then
  EXPECT_EQ(decide(killed).kind, Kind::kRequeue);
  killed.failed_starts = 0;
  killed.attempts = {ended(20, 20, "killed"), ended(20, 20, "killed"), ended(20, 20, "failed: x")};
  EXPECT_EQ(decide(killed).kind, Kind::kRequeue);
  EXPECT_THAT(decide(killed).why, HasSubstr("preempted"));
  Situation starting = beginning();
  starting.preempted = true;
  EXPECT_EQ(decide(starting).kind, Kind::kRequeue);
  starting.finished = true;
  EXPECT_EQ(decide(starting).exit_code, 0);
  Situation chain = killed;
  chain.may_requeue = false;
  EXPECT_EQ(decide(chain).kind, Kind::kEnd);
  EXPECT_EQ(decide(chain).exit_code, base::kExitStopped);
}

TEST(Decide, DoesNotCountPreemptionsWithoutNotice) {
  Situation situation = beginning();
  for (int restart = 0; restart < 5; ++restart) {
    situation.attempts.push_back(ended(0, 0, "killed"));
    situation.attempts.back().start.restart_count = restart;
  }
  situation.restart_count = 5;
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
}

TEST(Decide, RequeuesWhenNoLayoutFitsWhatIsLeft) {
  Situation situation = beginning();
  situation.needs.pp = 2;  // needs both nodes
  situation.launcher_exit = 1;
  situation.lost = {"n2"};
  EXPECT_EQ(decide(situation).kind, Kind::kRequeue);
  situation.may_requeue = false;
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  EXPECT_EQ(decide(situation).exit_code, 1);
}

TEST(Decide, GivesUpAfterThreeAttemptsWithoutACheckpoint) {
  Situation situation = after(1, "failed: loss is nan");
  situation.attempts = {ended(0, 20, "killed"), ended(20, 20, "killed"), ended(20, 20, "failed: loss is nan")};
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
  situation.attempts.push_back(ended(20, 20, "failed: loss is nan"));
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  EXPECT_EQ(decide(situation).exit_code, 1);
  situation.launcher_exit = {};  // requeued by Slurm: the same
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
}

TEST(Decide, GivesUpAfterThreeStartsThatFailed) {
  Situation situation = after(1, "another job holds the run directory");
  situation.failed_starts = 2;
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
  situation.failed_starts = 3;
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  EXPECT_EQ(decide(situation).exit_code, 1);
}

TEST(Decide, DoesNotCountAttemptsThatWereStoppedOnRequest) {
  Situation situation = beginning();
  situation.attempts = {ended(20, 20, "killed"), ended(20, 20, "stopped by SIGUSR1"), ended(20, 20, "killed"),
                        ended(20, 20, "killed")};
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
}

// Two nodes, both needed, of which n2 made two attempts fail.
Situation failed_twice_on_n2() {
  Situation situation = after(1, "failed on n2: out of memory");
  situation.needs = {2, 2, 0, 8, 1, false};
  situation.attempts = {ended(0, 10, "failed on n2: out of memory"), ended(10, 20, "failed on n2: out of memory")};
  return situation;
}

TEST(Decide, ANewJobWithoutTheNodeThatFailedWhereNothingElseFits) {
  Situation situation = failed_twice_on_n2();
  EXPECT_EQ(decide(situation).kind, Kind::kRequeue);  // no right to submit
  situation.may_submit = true;
  EXPECT_EQ(decide(situation).kind, Kind::kResubmit);
  EXPECT_EQ(decide(situation).exit_code, base::kExitFailed);
  EXPECT_THAT(decide(situation).exclude, ElementsAre("n2"));
  situation.excluded = {"n7", "n2"};
  EXPECT_THAT(decide(situation).exclude, ElementsAre("n2", "n7"));  // what an earlier job found out is kept
}

TEST(Decide, NoNewJobWhileALayoutFitsOrForNodesThatAreOnlyDown) {
  Situation fits = failed_twice_on_n2();
  fits.may_submit = true;
  fits.needs = {2, 1, 0, 8, 1, false};
  EXPECT_EQ(decide(fits).kind, Kind::kGo);
  Situation down = after(1, "the attempt was killed");
  down.may_submit = true;
  down.needs = {2, 2, 0, 8, 1, false};
  down.lost = {"n2"};
  EXPECT_EQ(decide(down).kind, Kind::kRequeue);  // Slurm does not give a node that is down
}

TEST(Decide, ASpareJobThatIsToChangeItsSizeGoesOnAsANewJob) {
  Situation situation = after(75, "stopped by SIGUSR1");
  situation.may_requeue = true;
  situation.slice = Slice{{}, 4, 1, 600};
  situation.excluded = {"n9"};
  const NextStep next = decide(situation);
  EXPECT_THAT(next.exclude, ElementsAre("n9")) << "a node that failed does not come back";
  EXPECT_EQ(next.kind, Kind::kSlice);
  EXPECT_EQ(next.slice->nodes, 4);
  EXPECT_THAT(next.why, HasSubstr("a new job goes on"));
  situation.preempted = true;  // Slurm requeues it in any case: two jobs of one run
  EXPECT_EQ(decide(situation).kind, Kind::kRequeue);
  situation.preempted = false;
  situation.stopped = true;
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  situation = after(0, "done");
  situation.slice = Slice{{}, 4, 1, 600};
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
  situation = after(1, "failed on n2: x");
  situation.slice = Slice{{}, 4, 1, 600};
  EXPECT_EQ(decide(situation).kind, Kind::kGo);
}

Situation with_slice(const std::string& reason) {
  Situation situation = after(75, reason);
  situation.slice = Slice{{}, 4, 1, 600};
  return situation;
}

TEST(Decide, AProgramThatLeavesByItselfStaysInItsJobWhereThatIsCounted) {
  Situation situation = with_slice(kLeftByItself);
  EXPECT_FALSE(may_go_on_elsewhere(situation));
  EXPECT_EQ(decide(situation).kind, Kind::kRequeue) << "new jobs would come without end";
  situation.attempts = {ended(0, 0, kLeftByItself), ended(0, 0, kLeftByItself), ended(0, 0, kLeftByItself)};
  EXPECT_EQ(decide(situation).kind, Kind::kEnd);
}

TEST(Decide, AJobThatMayBePreemptedIsRequeuedOnly) {
  EXPECT_EQ(decide(with_slice("stopped by SIGUSR1")).kind, Kind::kSlice);
  EXPECT_EQ(decide(with_slice("preempted")).kind, Kind::kRequeue) << "the outcome says so, whatever scontrol says";
  Situation unknown = with_slice("stopped by SIGUSR1");
  unknown.job_known = false;
  EXPECT_EQ(decide(unknown).kind, Kind::kRequeue) << "Slurm did not answer";
}

}  // namespace
}  // namespace trireme::slurm
