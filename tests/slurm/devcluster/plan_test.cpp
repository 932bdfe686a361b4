#include "slurm/devcluster/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::devcluster {
namespace {

using testing::HasSubstr;
using testing::Not;

Plan sample() {
  Plan plan;
  plan.directory = "/var/tmp/c";
  plan.nodes = 2;
  plan.controller_port = 7000;
  plan.accounting_port = 7001;
  plan.node_ports = {7002, 7003};
  return plan;
}

TEST(SlurmConf, HasALineForEachNodeWithItsOwnPort) {
  const std::string text = slurm_conf(sample());
  EXPECT_THAT(text, HasSubstr("NodeName=n1 NodeAddr=127.0.0.1 Port=7002 CPUs=4 RealMemory=4000 State=UNKNOWN\n"));
  EXPECT_THAT(text, HasSubstr("NodeName=n2 NodeAddr=127.0.0.1 Port=7003 "));
  EXPECT_THAT(text, HasSubstr("AuthInfo=socket=/var/tmp/c/run/munge.socket,cred_expire=5\n"));
  EXPECT_THAT(text, Not(HasSubstr("Gres")));
  EXPECT_THAT(text, Not(HasSubstr("slurmdbd")));
}

TEST(SlurmConf, SaysHowJobsOfPartitionLowArePreempted) {
  Plan plan = sample();
  plan.grace = 20;
  EXPECT_THAT(slurm_conf(plan), HasSubstr("PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE "
                                          "GraceTime=20 MaxTime=UNLIMITED"));
  plan.preempt_mode = "cancel";
  EXPECT_THAT(slurm_conf(plan), HasSubstr("PriorityTier=1 PreemptMode=CANCEL GraceTime=20"));
  plan.preempt_mode = "off";
  EXPECT_THAT(slurm_conf(plan), HasSubstr("PreemptType=preempt/none\n"));
}

TEST(SlurmConf, NamesTheSignalSettingAsTheReleaseKnowsIt) {
  Plan plan = sample();
  EXPECT_THAT(slurm_conf(plan), Not(HasSubstr("send_user_signal")));
  plan.send_user_signal = true;
  plan.slurm_release = 2205;
  EXPECT_THAT(slurm_conf(plan), HasSubstr("SlurmctldParameters=preempt_send_user_signal\n"));
  plan.slurm_release = 2302;
  EXPECT_THAT(slurm_conf(plan), HasSubstr("PreemptParameters=send_user_signal\n"));
}

TEST(SlurmConf, BillsGpusOnlyWithADatabase) {
  Plan plan = sample();
  plan.gpus_per_node = 8;
  EXPECT_THAT(slurm_conf(plan), HasSubstr(" Gres=gpu:8 "));
  EXPECT_THAT(slurm_conf(plan), Not(HasSubstr("GRES/gpu=")));
  plan.accounting = true;
  EXPECT_THAT(slurm_conf(plan), HasSubstr("TRESBillingWeights=CPU=1.0,GRES/gpu=10.0"));
  EXPECT_THAT(slurm_conf(plan), HasSubstr("AccountingStoragePass=/var/tmp/c/run/munge.socket\n"));
}

TEST(SlurmConf, GivesEachNodeAnAddressOfItsOwnWithLinks) {
  Plan plan = sample();
  plan.links = true;
  plan.network = 3;
  EXPECT_THAT(slurm_conf(plan), HasSubstr("NodeName=n2 NodeAddr=10.99.3.12 "));
  EXPECT_THAT(slurm_conf(plan), HasSubstr("SlurmctldHost=localhost(10.99.3.1)\n"));
  EXPECT_THAT(task_prolog(plan), HasSubstr("btl_tcp_if_include=10.99.3.0/24\n"));
  EXPECT_EQ(hosts_file(plan, "127.0.0.1 localhost"), "127.0.0.1 localhost\n10.99.3.11 n1\n10.99.3.12 n2\n");
}

TEST(GresConf, NamesTheDeviceFiles) {
  Plan plan = sample();
  plan.gpus_per_node = 4;
  EXPECT_THAT(gres_conf(plan), HasSubstr("NodeName=n[1-2] Name=gpu File=/var/tmp/c/dev/gpu[0-3]\n"));
  plan.gpus_per_node = 1;
  EXPECT_THAT(gres_conf(plan), HasSubstr("/dev/gpu0\n"));
}

TEST(PlanJson, IsReadBack) {
  Plan plan = sample();
  plan.grace = 7;
  plan.preempt_mode = "cancel";
  plan.links = true;
  plan.network = 9;
  plan.requeue = false;
  const Plan back = plan_from_json(to_json(plan));
  EXPECT_EQ(to_json(back), to_json(plan));
  EXPECT_EQ(slurm_conf(back), slurm_conf(plan));
}

TEST(PlanJson, RefusesAnythingElse) {
  for (const char* text : {"", "{", "{}", "[]", R"({"directory":"/x","nodes":2})"}) {
    EXPECT_THROW(plan_from_json(text), base::Error) << text;
  }
}

TEST(NodeNumber, KnowsOnlyTheClustersNodes) {
  EXPECT_EQ(node_number(sample(), "n2"), 2);
  for (const char* name : {"n3", "n0", "2", "", "n02"})
    EXPECT_THROW(node_number(sample(), name), base::InputError) << name;
}

TEST(ReleaseOf, ReadsWhatTheDaemonPrints) {
  EXPECT_EQ(release_of("slurm-wlm 22.05.8\n"), 2205);
  EXPECT_EQ(release_of("slurm 24.11.0-rc1"), 2411);
  EXPECT_THROW(release_of("slurm"), base::Error);
}

}  // namespace
}  // namespace trireme::devcluster
