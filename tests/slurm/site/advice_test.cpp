#include "slurm/site/advice.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "slurm/site/preemption.hpp"
#include "slurm/site/site_facts.hpp"
#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Site site_with(PreemptMode mode, std::int64_t grace) {
  Site site;
  site.slurm_version = "23.11.4";
  site.preempt_type = "preempt/partition_prio";
  site.mpirun_version = "Open MPI 4.1.4";
  site.mpirun_has_slurm = true;
  site.accounting = true;
  Partition low, high;
  low.name = "low";
  low.time_limit = 43200;
  low.preempt_mode = mode;
  low.grace = grace;
  if (mode != PreemptMode::kOff) low.preempted_by = {"high"};
  high.name = "high";
  high.time_limit = 43200;
  site.partitions = {low, high};
  return site;
}

// What is said about a subject ("" = the whole site) under a topic.
std::string said(const Site& site, const std::string& topic, const std::string& subject) {
  std::string text;
  for (const Advice& advice : advise(site)) {
    const bool about = subject.empty() ? advice.subjects.empty()
                                       : std::count(advice.subjects.begin(), advice.subjects.end(), subject) > 0;
    if (advice.topic == topic && about) text += advice.text + " ";
  }
  return text;
}

std::string preemption(const Site& site) { return said(site, "Preemption", "low"); }

TEST(Advice, NothingPreempts) {
  const Site site = site_with(PreemptMode::kOff, 0);
  EXPECT_EQ(preemption(site), "Running jobs are not preempted. ");
  const auto all = advise(site);
  EXPECT_THAT(all.front().subjects, ElementsAre("low", "high")) << "equal sentences are said once";
}

TEST(Advice, RequeueWithoutGraceLosesStepsAndComesBack) {
  EXPECT_THAT(preemption(site_with(PreemptMode::kRequeue, 0)),
              AllOf(HasSubstr("Preempted by: high."), HasSubstr("without notice and requeued by Slurm"),
                    HasSubstr("checkpoint.every_minutes"), Not(HasSubstr("--chain"))));
}

TEST(Advice, CancelWithoutGraceNeedsAChain) {
  EXPECT_THAT(preemption(site_with(PreemptMode::kCancel, 0)),
              AllOf(HasSubstr("not requeued"), HasSubstr("submit --chain N"), HasSubstr("without notice")));
}

TEST(Advice, CancelWithGraceIsRescuedByTheScriptIfTheSaveFits) {
  EXPECT_THAT(preemption(site_with(PreemptMode::kCancel, 20)),
              AllOf(HasSubstr("has 20 s"), HasSubstr("the script requeues the job as its last act"),
                    HasSubstr("submit --chain N")));
}

TEST(Advice, TheVersionDecidesWhoRequeuesAJobThatEndsInItsGrace) {
  Site site = site_with(PreemptMode::kRequeue, 120);
  EXPECT_THAT(preemption(site), AllOf(HasSubstr("has 2 min"), HasSubstr("before 24.05")));
  site.slurm_version = "24.05.1";
  EXPECT_THAT(preemption(site), Not(HasSubstr("before 24.05")));
}

TEST(Advice, WithoutAUserSignalTheLauncherDecidesWhoLivesThroughTheGrace) {
  Site site = site_with(PreemptMode::kRequeue, 60);
  EXPECT_THAT(preemption(site), HasSubstr("outlive their daemons"));
  site.mpirun_version = "Open MPI 5.0.5";
  EXPECT_THAT(preemption(site), HasSubstr("count on losing the steps"));
  site.mpi_types = {"pmi2", "pmix_v4"};
  EXPECT_THAT(preemption(site), HasSubstr("srun --mpi=pmix"));
  site.send_user_signal = true;
  EXPECT_THAT(preemption(site), AllOf(HasSubstr("send_user_signal"), Not(HasSubstr("SIGTERM"))));
}

TEST(Advice, SuspendedJobsStandStill) {
  EXPECT_THAT(preemption(site_with(PreemptMode::kSuspend, 0)), AllOf(HasSubstr("nothing is lost"), HasSubstr("hang")));
}

TEST(Advice, AnExemptTimeIsSaid) {
  Site site = site_with(PreemptMode::kRequeue, 0);
  site.preempt_exempt_time = 1800;
  EXPECT_THAT(preemption(site), HasSubstr("in its first 30 min"));
}

TEST(Advice, TimeLimits) {
  Site site = site_with(PreemptMode::kOff, 0);
  EXPECT_THAT(said(site, "Time limit", "low"), HasSubstr("for 12 h"));
  EXPECT_THAT(said(site, "Time limit", ""), AllOf(HasSubstr("does not requeue"), HasSubstr("--chain N")));
  site.partitions[0].over_time_limit = 300;
  EXPECT_THAT(said(site, "Time limit", "low"), HasSubstr("waits 5 min more"));
  site.partitions[0].over_time_limit.reset();
  EXPECT_THAT(said(site, "Time limit", "low"), HasSubstr("not enforced"));
  site.partitions[0].time_limit.reset();
  EXPECT_THAT(said(site, "Time limit", "low"), HasSubstr("No limit"));
  site.partitions[1].time_limit.reset();
  EXPECT_EQ(said(site, "Time limit", ""), "");
  site.qos = {{"short", {}, PreemptMode::kOff, 0, 93784}};
  EXPECT_THAT(said(site, "Time limit", "QOS short"), HasSubstr("1-02:03:04"));
}

TEST(Advice, NodeFailure) {
  Site site = site_with(PreemptMode::kOff, 0);
  EXPECT_THAT(said(site, "Node failure", ""), AllOf(HasSubstr("after 5 min"), HasSubstr("is not known")));
  site.requeue = false;
  EXPECT_THAT(said(site, "Node failure", ""), HasSubstr("JobRequeue = 0"));
  site.submit_from_nodes = false;
  EXPECT_THAT(said(site, "Node failure", ""), HasSubstr("cannot submit"));
  site.submit_from_nodes = true;
  EXPECT_THAT(said(site, "Node failure", ""), AllOf(Not(HasSubstr("cannot submit")), Not(HasSubstr("not known"))));
}

TEST(Advice, HowRanksStart) {
  Site site = site_with(PreemptMode::kOff, 0);
  EXPECT_EQ(said(site, "Start", ""), "");
  site.mpirun_has_slurm = false;
  EXPECT_THAT(said(site, "Start", ""), AllOf(HasSubstr("ssh"), HasSubstr("load another Open MPI")));
  site.mpi_types = {"pmix"};
  EXPECT_THAT(said(site, "Start", ""), HasSubstr("slurm.launcher = srun"));
  site.unknown["mpirun_has_slurm"] = "nobody tells";
  EXPECT_THAT(said(site, "Start", ""), AllOf(HasSubstr("not known (nobody tells)"), Not(HasSubstr("ssh"))));
  site.mpirun_version.clear();
  EXPECT_THAT(said(site, "Start", ""), HasSubstr("No mpirun"));
  site.partitions[1].state = "down";
  EXPECT_THAT(said(site, "Start", "high"), HasSubstr("State down"));
  site.partitions[1].state = "drain";
  EXPECT_THAT(said(site, "Start", "high"), HasSubstr("no new job is taken; queued"));
  site.max_array_size = 0;
  EXPECT_THAT(said(site, "Start", ""), HasSubstr("Job arrays"));
}

TEST(Advice, UnderPreemptQosTheQosAreSpokenOf) {
  Samples samples{"23.11"};
  const Site site = read_site(samples.run()).value();
  EXPECT_THAT(said(site, "Preemption", ""), HasSubstr("QOS of a job decides"));
  EXPECT_THAT(said(site, "Preemption", "QOS low"), AllOf(HasSubstr("normal, urgent"), HasSubstr("has 2 min")));
  EXPECT_THAT(said(site, "Preemption", "QOS normal"), HasSubstr("--chain"));
  EXPECT_THAT(said(site, "Preemption", "QOS urgent"), HasSubstr("not preempted"));
  EXPECT_THAT(said(site, "Preemption", "single"), IsEmpty());
  EXPECT_THAT(said(site, "Accounting", ""), HasSubstr("MAX_TRES"));
  samples.replaced["sacctmgr_show_qos"] = std::nullopt;
  EXPECT_THAT(said(read_site(samples.run()).value(), "Preemption", ""), HasSubstr("not known (sacctmgr"));
}

TEST(PreemptionOf, AsksThePartitionOrTheQos) {
  Samples by_qos{"23.11"}, by_tier{"24.05"};
  const Site helix = read_site(by_qos.run()).value(), forge = read_site(by_tier.run()).value();
  const Preemption low = preemption_of(helix, helix.partitions[0], "low");
  EXPECT_EQ(low.mode, PreemptMode::kRequeue);
  EXPECT_EQ(low.grace, 120);
  EXPECT_EQ(preemption_of(helix, helix.partitions[0], ""), Preemption{});
  EXPECT_EQ(preemption_of(helix, helix.partitions[0], "urgent"), Preemption{});
  const Preemption research = preemption_of(forge, *forge.partition("research"), "low");
  EXPECT_EQ(research, (Preemption{PreemptMode::kRequeue, 300, {"prod"}}));
}

TEST(RequeuedWhenEndedInGrace, From2405On) {
  Site site;
  for (const auto& [version, expected] : std::map<std::string, bool>{{"21.08.8-2", false},
                                                                     {"23.11.10", false},
                                                                     {"24.04.0", false},
                                                                     {"24.05.0", true},
                                                                     {"24.11.0", true},
                                                                     {"25.05.1", true},
                                                                     {"", false},
                                                                     {"unknown", false}}) {
    site.slurm_version = version;
    EXPECT_EQ(requeued_when_ended_in_grace(site), expected) << version;
  }
}

TEST(MpirunCanWait, UpToOpenMpi4) {
  Site site;
  for (const auto& [version, expected] : std::map<std::string, bool>{
           {"Open MPI 4.1.4", true}, {"Open MPI 5.0.0", false}, {"MPICH 4.0.2", false}, {"", false}}) {
    site.mpirun_version = version;
    EXPECT_EQ(mpirun_can_wait(site), expected) << version;
  }
}

}  // namespace
}  // namespace trireme::slurm
