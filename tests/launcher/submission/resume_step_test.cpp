// What `trireme resume` decides, whatever stands in the ledger and in the queue.
#include "launcher/submission/resume_step.hpp"

#include <gmock/gmock.h>

namespace trireme::launcher {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = ResumeStep::Kind;

// A run that job 41 trained to step 60 on 4 ranks and that somebody stopped; its job is gone.
ResumeFacts stopped_run() {
  ResumeFacts facts;
  facts.directory = "runs/bible";
  facts.run.path = "/work/runs/bible";
  slurm::Attempt attempt;
  attempt.number = 1;
  attempt.start.job_id = "41";
  attempt.start.ranks = 4;
  attempt.ended = true;
  attempt.end = {.reason = "stopped by a request of ann"};
  facts.run.attempts = {attempt};
  facts.run.submission.jobs = {"41"};
  facts.run.saved_step = 60;
  facts.lifted = true;
  facts.outcome = slurm::Outcome{75, "stopped by a request of ann", 60, 60, false};
  facts.run_file = true;
  facts.script = ScriptState::kOurs;
  facts.queue.answer = RunInQueue::Answer::kGiven;
  return facts;
}

KnownJob job(const std::string& id, const std::string& state) {
  return {id, state, "bible", "/work/runs/bible/submit.sbatch", "/work"};
}

TEST(DecideResume, SubmitsAgainWhenNothingIsQueued) {
  const ResumeStep step = decide_resume(stopped_run());
  EXPECT_EQ(step.kind, Kind::kSubmit);
  EXPECT_EQ(step.links, 1u);
  EXPECT_THAT(step.behind, IsEmpty());
  EXPECT_FALSE(step.of_array);
}

TEST(DecideResume, AChainAndATaskOfAnArrayComeBackAsTheyWere) {
  ResumeFacts facts = stopped_run();
  facts.run.submission.jobs = {"41_0", "42_0", "43_0"};
  facts.of_array = true;
  EXPECT_EQ(decide_resume(facts).links, 3u);
  EXPECT_TRUE(decide_resume(facts).of_array);
  facts.run.submission.jobs.assign(100000, "41");  // whoever wrote that record
  EXPECT_EQ(decide_resume(facts).links, 100u);
}

TEST(DecideResume, ARunThatWasKilledOrNeverBeganIsSubmittedToo) {
  ResumeFacts facts = stopped_run();
  facts.lifted = false;
  facts.run.attempts.back().ended = false;
  facts.outcome.reset();
  EXPECT_EQ(decide_resume(facts).kind, Kind::kSubmit);
  facts.run.attempts.clear();
  facts.run.submission.jobs.clear();
  EXPECT_EQ(decide_resume(facts).kind, Kind::kSubmit);
}

TEST(DecideResume, NothingIsQueuedTwice) {
  ResumeFacts facts = stopped_run();
  facts.queue.jobs = {job("43", "PENDING")};
  EXPECT_EQ(decide_resume(facts).kind, Kind::kNothing);
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("job 43 is queued"));
  facts.queue.jobs = {job("43", "RUNNING")};  // of which the ledger knows nothing yet
  EXPECT_EQ(decide_resume(facts).kind, Kind::kNothing);
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("call trireme resume again"));
  facts.queue = {RunInQueue::Answer::kNone, {}};
  EXPECT_EQ(decide_resume(facts).kind, Kind::kUnknown);
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("trireme resume runs/bible"));
}

TEST(DecideResume, BehindAJobThatSawTheStopAndIsAboutToEnd) {
  ResumeFacts facts = stopped_run();
  facts.queue.jobs = {job("41", "RUNNING")};
  EXPECT_EQ(decide_resume(facts).kind, Kind::kSubmit);
  EXPECT_EQ(decide_resume(facts).behind, "41");
  facts.outcome->come_back = true;  // its script requeues it
  EXPECT_EQ(decide_resume(facts).kind, Kind::kNothing);
  facts.outcome->come_back = false;
  facts.queue.jobs.push_back(job("42", "PENDING"));  // the next link
  EXPECT_EQ(decide_resume(facts).kind, Kind::kNothing);
}

TEST(DecideResume, WhatTrainsOrIsDoneIsLeftAlone) {
  ResumeFacts facts = stopped_run();
  facts.run.alive = true;
  facts.run.lease_job = "41";
  EXPECT_EQ(decide_resume(facts).kind, Kind::kNothing);
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("job 41 is running; if it saw the stop"));
  facts.lifted = false;
  EXPECT_THAT(decide_resume(facts).text, Not(HasSubstr("saw the stop")));
  facts.run.alive = false;
  facts.run.attempts.back().end.reason = "done";
  EXPECT_EQ(decide_resume(facts).text, "the run is done");
}

TEST(DecideResume, SaysWhatToTypeWhereItCannotSubmit) {
  ResumeFacts facts = stopped_run();
  facts.queue.answer = RunInQueue::Answer::kNoSlurm;
  EXPECT_EQ(decide_resume(facts).kind, Kind::kSay);
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("login node"));
  facts.script = ScriptState::kAnothers;
  facts.owner = "ann";
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("ask ann to type: trireme resume runs/bible"));
  facts.script = ScriptState::kMissing;
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("trireme submit runs/bible/run.ini"));
  facts.run.submission.jobs.clear();
  facts.run.attempts.back().start.job_id.clear();
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("mpirun -n 4 trireme train runs/bible/run.ini"));
  facts.run.attempts.back().start.ranks = 1;
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("type: trireme train runs/bible/run.ini"));
  facts.directory = "runs/my bible";
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("'runs/my bible/run.ini'"));
  facts.run_file = false;
  EXPECT_THAT(decide_resume(facts).text, HasSubstr("the command again that started the run"));
}

TEST(DecideResume, AnotherClustersRunIsNotSubmittedHere) {
  ResumeFacts facts = stopped_run();
  facts.run.submission.cluster = "alpha";
  facts.queue.cluster = "beta";
  facts.queue.jobs = {job("41", "PENDING")};  // somebody's job of the same number
  const ResumeStep step = decide_resume(facts);
  EXPECT_EQ(step.kind, Kind::kSay);
  EXPECT_THAT(step.text, testing::HasSubstr("one of cluster alpha, and this is beta"));
  facts.queue.cluster = "alpha";
  facts.queue.jobs.clear();
  EXPECT_EQ(decide_resume(facts).kind, Kind::kSubmit);
}

TEST(DecideResume, ARunThatWasSubmittedForMoreStepsIsNotDone) {
  ResumeFacts facts = stopped_run();
  facts.run.attempts.back().start.steps = 100;
  facts.run.attempts.back().end.reason = "done";
  facts.run.attempts.back().end.last_step = 100;
  EXPECT_EQ(decide_resume(facts).kind, Kind::kNothing);
  facts.run.submission.steps = 200;
  EXPECT_EQ(decide_resume(facts).kind, Kind::kSubmit);
}

TEST(JobsOfRun, AreFoundByWhatTheRecordAndTheLedgerSay) {
  RunFacts run = stopped_run().run;
  const auto belongs = [&](const KnownJob& one) { return !jobs_of_run({one}, run).empty(); };
  const std::string copy = "/var/spool/slurmd/job00007/slurm_script";  // of a script that submitted itself again
  EXPECT_FALSE(belongs({"7", "PENDING", "king-james", copy, "/home/ann"}));
  run.submission.name = "king-james";
  run.submission.directory = "/home/ann";  // run.dir lies on another file system
  EXPECT_TRUE(belongs({"7", "PENDING", "king-james", copy, "/home/ann"}));
  EXPECT_FALSE(belongs({"7", "PENDING", "king-james", copy, "/home/bob"}));
  EXPECT_FALSE(belongs({"50", "PENDING", "own", "/home/ann/own.sbatch", "/home/ann"}));
  run.attempts.back().start.job_id = "50";  // of the user's own script, which Slurm requeued
  EXPECT_TRUE(belongs({"50", "PENDING", "own", "/home/ann/own.sbatch", "/home/ann"}));
}

TEST(JobsOfRun, AreFoundAsSubmitFindsThem) {
  const RunFacts run = stopped_run().run;
  const auto belongs = [&](const KnownJob& one) { return !jobs_of_run({one}, run).empty(); };
  EXPECT_TRUE(belongs({"7", "PENDING", "other", "/work/runs/bible/submit.sbatch", "/x"}));
  EXPECT_TRUE(belongs({"41", "RUNNING", "other", "/x", "/x"}));
  EXPECT_FALSE(belongs({"41", "COMPLETING", "other", "/x", "/x"}));
  EXPECT_TRUE(belongs({"7", "PENDING", "bible", "/var/spool/slurmd/job00007/slurm_script", "/work"}));
  EXPECT_FALSE(belongs({"7", "PENDING", "bible", "/var/spool/slurmd/job00007/slurm_script", "/elsewhere"}));
  EXPECT_FALSE(belongs({"7", "PENDING", "other", "/x/submit.sbatch", "/work"}));
}

}  // namespace
}  // namespace trireme::launcher
