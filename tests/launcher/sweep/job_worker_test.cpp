#include "launcher/sweep/job_worker.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "launcher/sweep/parked_jobs.hpp"
#include "launcher/sweep/sweep_jobs.hpp"

namespace trireme::launcher {
namespace {

using Kind = Advice::Kind;

slurm::JobEnvironment job(const std::string& id, int restarts = 0) {
  slurm::JobEnvironment environment;
  environment.job_id = id;
  environment.restart_count = restarts;
  environment.cluster = "c";
  return environment;
}

SweepClaim claim_of(const std::string& id, double time = 100, int restarts = 0) {
  SweepClaim claim;
  claim.worker = job_worker(job(id, restarts), ::getpid());
  claim.time = time;
  return claim;
}

slurm::JobList queue(double asked, std::vector<slurm::QueuedJob> jobs) { return {std::move(jobs), "c", asked}; }
slurm::QueuedJob listed(const std::string& id, const std::string& state) {
  return {id, state, "", "", "/w", "sweep-lr"};
}

WorkerLife unknown(const SweepClaim&) { return WorkerLife::kUnknown; }

TEST(JobWorker, IsTheSameAtEachCallAndAnotherAfterARequeue) {
  EXPECT_EQ(job_worker(job("7_0"), ::getpid()).token, job_worker(job("7_0"), ::getpid()).token);
  EXPECT_NE(job_worker(job("7_0"), ::getpid()).token, job_worker(job("7_0", 1), ::getpid()).token);
  EXPECT_NE(job_worker(job("7_0"), ::getpid()).token, job_worker(job("7_1"), ::getpid()).token);
  EXPECT_EQ(job_worker(job("7_0"), ::getpid()).process, ::getpid());
}

TEST(JobWorker, IsGoneWhenTheQueueSaysThatItsJobDoesNotRun) {
  const SweepWorker self = job_worker(job("7_0"), ::getpid());
  const auto life = [&](const SweepClaim& claim, double asked, std::vector<slurm::QueuedJob> jobs) {
    return life_in_queue(unknown, self, queue(asked, std::move(jobs)))(claim);
  };
  EXPECT_EQ(life(claim_of("7_1"), 200, {listed("7_1", "RUNNING")}), WorkerLife::kRuns);
  EXPECT_EQ(life(claim_of("7_1"), 200, {listed("7_1", "COMPLETING")}), WorkerLife::kRuns) << "its processes may live";
  EXPECT_EQ(life(claim_of("7_1"), 200, {listed("7_1", "PENDING")}), WorkerLife::kGone) << "it was requeued";
  EXPECT_EQ(life(claim_of("7_1"), 200, {listed("7_[0-3]", "PENDING")}), WorkerLife::kGone);
  EXPECT_EQ(life(claim_of("7_1"), 200, {}), WorkerLife::kGone);
  EXPECT_EQ(life(claim_of("7_1"), 105, {}), WorkerLife::kUnknown) << "the answer may be older than the claim";
  SweepClaim others = claim_of("7_1");
  others.worker.user = "somebody else";
  EXPECT_EQ(life(others, 200, {}), WorkerLife::kUnknown) << "squeue was asked for my jobs";
  others = claim_of("7_1");
  others.worker.cluster = "another";
  EXPECT_EQ(life(others, 200, {}), WorkerLife::kUnknown);
  EXPECT_EQ(life_in_queue(unknown, self, std::nullopt)(claim_of("7_1")), WorkerLife::kUnknown);
}

TEST(JobWorker, KnowsThatEarlierStartsOfItsJobAreOver) {
  const SweepWorker self = job_worker(job("7_0", 2), ::getpid());
  const auto life = life_in_queue(unknown, self, std::nullopt);
  EXPECT_EQ(life(claim_of("7_0", 100, 1)), WorkerLife::kGone);
  EXPECT_EQ(life(claim_of("7_0", 100, 2)), WorkerLife::kUnknown) << "another process of this start";
}

class AttendanceTest : public testing::Test {
 protected:
  AttendanceTest() {
    state_.header.name = "lr";
    state_.header.work_directory = "/w";
    state_.header.plan.rungs = {9, 27};
    state_.trials.resize(2);
  }
  Attendance with(const std::vector<slurm::QueuedJob>& jobs, double now = 200) {
    return attendance(state_, self_, 0, unknown, queue(200, jobs), now);
  }
  static slurm::QueuedJob of_shape_1(const std::string& state, const std::string& reason = "None") {
    return {"8_0", state, reason, "", "/w", "sweep-lr.1"};
  }

  SweepWorker self_ = job_worker(job("7_0"), ::getpid());
  SweepState state_;
};

TEST_F(AttendanceTest, AnotherJobWithATrialInTheQueueAttends) {
  EXPECT_EQ(with({listed("7_1", "RUNNING")}), Attendance::kUnknown) << "it has no trial";
  state_.trials[1].claim = claim_of("7_1");
  EXPECT_EQ(with({listed("7_1", "RUNNING")}), Attendance::kAttended);
  EXPECT_EQ(with({listed("7_1", "SUSPENDED")}), Attendance::kAttended);
  EXPECT_EQ(with({listed("7_1", "PENDING")}), Attendance::kAttended) << "it comes back";
  EXPECT_EQ(with({}), Attendance::kUnknown);
  state_.trials[1].claim = claim_of("7_0");
  EXPECT_EQ(with({listed("7_0", "RUNNING")}), Attendance::kUnknown) << "its own";
}

TEST_F(AttendanceTest, AJobThatIsCompletingAttendsNothing) {
  state_.trials[1].claim = claim_of("7_1");
  EXPECT_EQ(with({listed("7_1", "COMPLETING")}), Attendance::kUnknown);
}

TEST_F(AttendanceTest, TrialsOfAnotherShapeAreAttendedByItsJobs) {
  state_.trials[1].shape = 1;
  state_.trials[0].ended = "failed";
  EXPECT_EQ(with({of_shape_1("PENDING", "Resources")}), Attendance::kAttended) << "it waits for its first start";
  EXPECT_EQ(with({of_shape_1("RUNNING")}), Attendance::kAttended);
  EXPECT_EQ(with({listed("7_0", "RUNNING")}), Attendance::kMissing) << "its own is of another shape";
  EXPECT_EQ(with({of_shape_1("COMPLETING")}), Attendance::kMissing);
  EXPECT_EQ(with({of_shape_1("PENDING", "launch failed requeued held")}), Attendance::kMissing);
  EXPECT_EQ(attendance(state_, self_, 0, unknown, std::nullopt, 200), Attendance::kUnknown);
  state_.trials[0].claim = claim_of("7_5");
  EXPECT_EQ(with({}), Attendance::kUnknown) << "a trial that may still run may make work";
}

TEST_F(AttendanceTest, AWorkerThatCannotBeAskedForAttendsOnceItsTrialWasSeenToLive) {
  state_.trials[1].claim = claim_of("7_1", 100);
  state_.trials[1].claim->worker.user = "somebody else";
  EXPECT_EQ(with({}, 100 + kSilent - 1), Attendance::kUnknown);
  EXPECT_EQ(with({}, 100 + kSilent + 1), Attendance::kAttended) << "else its claim would be gone";
  state_.trials[1].claim->worker.job = "local";
  state_.trials[1].claim->worker.machine = "elsewhere";
  EXPECT_EQ(with({}, 100 + kSilent + 1), Attendance::kAttended);
}

TEST(JobWorker, AFailureStaysOneWhateverItsScriptDoesNext) {
  for (const char* word : {"requeue", "resubmit"}) {
    EXPECT_EQ(seen_end(word, 1).exit_code, 1) << word;
    EXPECT_EQ(seen_end(word, 75).exit_code, 75) << word;
    EXPECT_EQ(seen_end(word, 0).exit_code, 75) << word;
    EXPECT_TRUE(seen_end(word, 1).leaves);
  }
  EXPECT_EQ(seen_end("end", 2).exit_code, 2);
  EXPECT_FALSE(seen_end("end", 1).leaves);
}

TEST(JobWorker, TheLastJobOfASweepSaysThatSomebodyMustGoOn) {
  SweepState state;
  state.header.name = "lr";
  state.header.work_directory = "/w";
  const SweepWorker self = job_worker(job("7_0"), ::getpid());
  EXPECT_TRUE(is_last_job(state, self, queue(200, {listed("7_0", "RUNNING"), listed("7_1", "COMPLETING")})));
  EXPECT_FALSE(is_last_job(state, self, queue(200, {listed("7_0", "RUNNING"), listed("7_1", "PENDING")})));
  const WorkerStep last = decide_worker({.advice = Kind::kStop, .leaves = true, .last_job = true});
  EXPECT_EQ(last.exit_code, 75);
  EXPECT_NE(last.why.find("call trireme sweep run again"), std::string::npos);
}

TEST(JobWorker, DecidesWhatItsScriptDoes) {
  const auto word = [](const WorkerSituation& situation) { return decide_worker(situation).word; };
  EXPECT_EQ(word({.advice = Kind::kRun}), "run");
  EXPECT_EQ(word({.advice = Kind::kDone}), "end");
  EXPECT_EQ(word({.advice = Kind::kDone, .parked_jobs = true}), "wait") << "it would wait in the queue forever";
  EXPECT_EQ(word({.advice = Kind::kWait}), "wait") << "nobody else would take what becomes of the others' trials";
  EXPECT_EQ(word({.advice = Kind::kWait, .attendance = Attendance::kAttended}), "end");
  EXPECT_EQ(word({.advice = Kind::kWait, .parks = true, .attendance = Attendance::kAttended}), "park");
  EXPECT_EQ(word({.advice = Kind::kWait, .rests = "broken", .attendance = Attendance::kAttended}), "wait");
  const WorkerStep parked = decide_worker({.advice = Kind::kWait, .parks = true, .attendance = Attendance::kMissing});
  EXPECT_EQ(parked.word, "park") << "it does not keep its nodes for a job that is not there";
  EXPECT_NE(parked.why.find("trireme sweep run submits it"), std::string::npos);
  const WorkerStep ended = decide_worker({.advice = Kind::kWait, .attendance = Attendance::kMissing});
  EXPECT_EQ(ended.word, "end");
  EXPECT_EQ(ended.exit_code, 75);
  EXPECT_EQ(word({.advice = Kind::kStop, .leaves = true, .may_requeue = true}), "requeue");
  EXPECT_EQ(word({.advice = Kind::kStop, .leaves = true}), "end");
  const WorkerStep elsewhere =
      decide_worker({.advice = Kind::kStop, .leaves = true, .ended = "resubmit", .exclude = "n2", .may_requeue = true});
  EXPECT_EQ(elsewhere.word, "resubmit");
  EXPECT_EQ(elsewhere.exclude, "n2");
  const WorkerStep stopped = decide_worker(
      {.advice = Kind::kStop, .sweep_stopped = true, .leaves = true, .ended = "requeue", .may_requeue = true});
  EXPECT_EQ(stopped.word, "end") << "a sweep that is stopped does not come back by itself";
  EXPECT_EQ(stopped.exit_code, 75);
}

TEST(ParkedJobs, AreReleasedAndLookedAt) {
  const SweepWorker self = job_worker(job("7_1"), ::getpid());
  std::string state = "PENDING job requeued in held state\n", error;
  int released = 0, refused = 0;
  const slurm::RunCommand run = [&](const std::vector<std::string>& words) -> std::optional<slurm::CommandResult> {
    if (words[0] == "scontrol") {
      ++released;
      return slurm::CommandResult{refused, "", ""};
    }
    return slurm::CommandResult{error.empty() ? 0 : 1, state, error};
  };
  const std::vector<SweepWorker> jobs{job_worker(job("7_0"), ::getpid())};
  EXPECT_TRUE(release_jobs({}, self, run).all);
  EXPECT_FALSE(release_jobs(jobs, self, run).all) << "the hold is still there";
  state = "RUNNING None\n";
  EXPECT_FALSE(release_jobs(jobs, self, run).all) << "it has not gone to the queue yet";
  state = "PENDING BeginTime\n";
  refused = 1;
  EXPECT_FALSE(release_jobs(jobs, self, run).all) << "scontrol refused";
  refused = 0;
  EXPECT_TRUE(release_jobs(jobs, self, run).all);
  EXPECT_TRUE(release_jobs(jobs, self, run).gone.empty());
  EXPECT_TRUE(release_jobs(jobs, self, run).some);
  state = "";
  EXPECT_TRUE(release_jobs(jobs, self, run).all) << "nobody comes, so nobody waits for it";
  EXPECT_EQ(release_jobs(jobs, self, run).gone.size(), 1U);
  error = "slurm_load_jobs error: Unable to contact slurm controller";
  EXPECT_FALSE(release_jobs(jobs, self, run).all);
  EXPECT_EQ(released, 9);
}

TEST(ParkedJobs, AreCancelledOnceTheyAreInTheQueue) {
  std::string state = "RUNNING None\n";
  std::vector<std::string> cancelled;
  const slurm::RunCommand run = [&](const std::vector<std::string>& words) -> std::optional<slurm::CommandResult> {
    if (words[0] == "scancel") cancelled = words;
    return slurm::CommandResult{0, words[0] == "squeue" ? state : "", ""};
  };
  const std::vector<ParkedJob> jobs{{job_worker(job("7_0"), ::getpid()), 1}};
  EXPECT_FALSE(cancel_jobs("lr", jobs, jobs[0].worker, run)) << "it runs still, and goes to the queue in a moment";
  EXPECT_EQ(cancelled, (std::vector<std::string>{"scancel", "--state=PENDING", "--name=sweep-lr.1", "7_0"}));
  state = "";
  EXPECT_TRUE(cancel_jobs("lr", jobs, jobs[0].worker, run));
}

TEST(ParkedJobs, OfOthersAreNotAskedAbout) {
  const slurm::RunCommand run = [](const std::vector<std::string>& words) -> std::optional<slurm::CommandResult> {
    ADD_FAILURE() << words[0];
    return std::nullopt;
  };
  const SweepWorker self = job_worker(job("7_0"), ::getpid());
  SweepWorker users = job_worker(job("7_1"), ::getpid()), clusters = users;
  users.user = "somebody else";
  clusters.cluster = "another";
  const ReleasedJobs released = release_jobs({users, clusters}, self, run);
  EXPECT_TRUE(released.all);
  EXPECT_FALSE(released.some) << "nobody comes";
  EXPECT_TRUE(cancel_jobs("lr", {{users, 0}, {clusters, 0}}, self, run));
}

TEST(ParkedJobs, ThatNoWorkerWouldReleaseAreReleasedWhenTheSweepGoesOn) {
  std::vector<std::string> released;
  const slurm::RunCommand run = [&](const std::vector<std::string>& words) -> std::optional<slurm::CommandResult> {
    released.push_back(words.at(2));
    return slurm::CommandResult{words.at(2) == "7_0" ? 0 : 1, "", ""};
  };
  std::vector<slurm::QueuedJob> jobs{listed("7_0", "PENDING"), listed("7_1", "PENDING"), listed("7_2", "PENDING"),
                                     listed("8_0", "PENDING"), listed("7_3", "RUNNING")};
  jobs[0].reason = "launch failed requeued held";
  jobs[1].reason = jobs[3].reason = "job requeued in held state";
  jobs[2].reason = "Resources";
  SweepState state;
  state.header.plan.rungs = {9};
  state.trials.resize(2);
  state.trials[0].ended = "failed";
  state.trials[1].shape = 1;
  state.parked = {{job_worker(job("7_1"), ::getpid()), 0}, {job_worker(job("8_0"), ::getpid()), 1}};
  const auto held = release_held(jobs, state, run);
  EXPECT_EQ(released, (std::vector<std::string>{"7_0", "8_0"})) << "7_1 is parked, and its shape has no work";
  ASSERT_EQ(held.size(), 2U);
  EXPECT_TRUE(held[0].released);
  EXPECT_FALSE(held[1].released) << "scontrol refused";
}

TEST(ParkedJobs, AreNotParkedAnyMoreOnceSomebodyCancelledThem) {
  SweepState state;
  state.parked = {{job_worker(job("7_0"), ::getpid()), 0}, {job_worker(job("8_0"), ::getpid()), 1}};
  for (const base::Json& event : unparked_events(state, {listed("7_0", "PENDING")}, 5)) state.apply(event.dump());
  ASSERT_EQ(state.parked.size(), 1U);
  EXPECT_EQ(state.parked[0].worker.job, "8_0");
}

TEST(SweepJobs, AreParkedWhenTheyAreHeldAndTheLogSaysSo) {
  std::vector<slurm::QueuedJob> jobs{listed("7_0", "PENDING"), listed("7_1", "PENDING"), listed("7_2", "PENDING")};
  jobs[0].reason = "job requeued in held state";
  jobs[1].reason = "launch failed requeued held";
  jobs[2].reason = "BeginTime";
  const std::vector<ParkedJob> parked{{job_worker(job("7_0"), ::getpid()), 0}, {job_worker(job("7_2"), ::getpid()), 0}};
  const base::Json rows = jobs_json(jobs, parked);
  EXPECT_EQ(rows[0]["state"], "parked");
  EXPECT_EQ(rows[1]["state"], "held") << "by Slurm: nobody of the sweep releases it";
  EXPECT_EQ(rows[2]["state"], "waiting") << "it was released";
}

TEST(SweepJobs, AskForTheSameUntilASettingChanges) {
  const std::string script = "#SBATCH --array=0-7%8\n#SBATCH --time=60\n#SBATCH --signal=B:USR1@60\nwork\n";
  EXPECT_FALSE(settings_differ(script, "#SBATCH --array=0-3%4\n#SBATCH --time=60\n#SBATCH --signal=B:USR1@90\nwork\n"));
  EXPECT_TRUE(settings_differ(script, "#SBATCH --array=0-7%8\n#SBATCH --time=90\n#SBATCH --signal=B:USR1@60\nwork\n"));
}

TEST(SweepJobs, AreFoundByNameAndDirectory) {
  SweepHeader header;
  header.name = "lr";
  header.work_directory = "/w";
  std::vector<slurm::QueuedJob> all{listed("1_0", "RUNNING"), listed("2_0", "PENDING"), listed("3", "RUNNING"),
                                    listed("4_0", "RUNNING")};
  all[1].name = "sweep-lr.1";
  all[2].name = "sweep-lr.b";
  all[3].directory = "/elsewhere";
  const auto found = jobs_of_sweep(all, header);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].id, "2_0");
  EXPECT_EQ(tasks_for_scancel("12_[1-3%2]"), "12_[1-3]");
  EXPECT_EQ(tasks_for_scancel("12_1"), "12_1");
}

}  // namespace
}  // namespace trireme::launcher
