#include "slurm/site/partition_text.hpp"

#include <gmock/gmock.h>

#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Partition> sample(const std::string& version) {
  return parse_partitions(read_sample(version, "scontrol_show_partition"),
                          parse_config(read_sample(version, "scontrol_show_config")));
}

TEST(ParsePreemptMode, KnowsTheWords) {
  EXPECT_EQ(parse_preempt_mode("REQUEUE"), PreemptMode::kRequeue);
  EXPECT_EQ(parse_preempt_mode("cancel"), PreemptMode::kCancel);
  EXPECT_EQ(parse_preempt_mode("GANG,SUSPEND"), PreemptMode::kSuspend);
  EXPECT_EQ(parse_preempt_mode("GANG"), PreemptMode::kOff);
  EXPECT_EQ(parse_preempt_mode("OFF"), PreemptMode::kOff);
  EXPECT_EQ(parse_preempt_mode(""), PreemptMode::kOff);
}

TEST(ParseBillingWeights, AreByMebibyteAndLowerCase) {
  const auto weights = parse_billing_weights("CPU=0.5,Mem=0.25G,GRES/gpu:A100=1e3,License/sim=2K,bad,x=y");
  EXPECT_EQ(weights.size(), 4U);
  EXPECT_DOUBLE_EQ(weights.at("cpu"), 0.5);
  EXPECT_DOUBLE_EQ(weights.at("mem"), 0.25 / 1024);
  EXPECT_DOUBLE_EQ(weights.at("gres/gpu:a100"), 1000);
  EXPECT_DOUBLE_EQ(weights.at("license/sim"), 2.0 / 1024);
  EXPECT_DOUBLE_EQ(parse_billing_weights("Mem=3").at("mem"), 3);
  EXPECT_DOUBLE_EQ(parse_billing_weights("Mem=3M").at("mem"), 3);
  EXPECT_DOUBLE_EQ(parse_billing_weights("Mem=3K").at("mem"), 3 * 1024.0);
  EXPECT_DOUBLE_EQ(parse_billing_weights("Mem=1T").at("mem"), 1.0 / 1048576);
  EXPECT_THAT(parse_billing_weights(""), IsEmpty());
}

TEST(ParsePartitions, AUniversityOf2108) {
  const auto partitions = sample("21.08");
  ASSERT_EQ(partitions.size(), 5U);
  const Partition &cpu = partitions[0], &gpu = partitions[1], &scavenge = partitions[2];
  EXPECT_TRUE(cpu.is_default);
  EXPECT_EQ(cpu.time_limit, 172800);
  EXPECT_EQ(cpu.default_time, 3600);
  EXPECT_EQ(cpu.preempt_mode, PreemptMode::kOff) << "REQUEUE in its record, but no tier is higher";
  EXPECT_EQ(cpu.default_memory_per_cpu, 4000);
  EXPECT_EQ(cpu.default_memory_per_node, std::nullopt);
  EXPECT_EQ(gpu.max_nodes, 8);
  EXPECT_EQ(gpu.max_memory_per_cpu, 8000);
  EXPECT_THAT(gpu.allow_accounts, ElementsAre("physics", "chem-lab"));
  EXPECT_DOUBLE_EQ(gpu.billing_weights.at("gres/gpu"), 16);
  EXPECT_EQ(scavenge.preempt_mode, PreemptMode::kRequeue);
  EXPECT_EQ(scavenge.grace, 0);
  EXPECT_THAT(scavenge.preempted_by, ElementsAre("cpu", "gpu"));
  EXPECT_EQ(scavenge.default_time, std::nullopt);
  EXPECT_EQ(partitions[3].state, "inactive");
  EXPECT_EQ(partitions[4].state, "down");
  EXPECT_EQ(partitions[4].time_limit, std::nullopt);
  EXPECT_THAT(partitions[4].preempted_by, IsEmpty()) << "has no nodes";
}

TEST(ParsePartitions, QosDecideInThe2311Sample) {
  const auto partitions = sample("23.11");
  ASSERT_EQ(partitions.size(), 3U);
  EXPECT_TRUE(partitions[0].exclusive);
  EXPECT_EQ(partitions[0].max_nodes, 1);
  EXPECT_EQ(partitions[0].over_time_limit, 300) << "the cluster's";
  EXPECT_EQ(partitions[0].max_memory_per_cpu, 7700) << "the cluster's";
  EXPECT_EQ(partitions[1].time_limit, 2 * 86400 + 12 * 3600 + 30 * 60 + 15);
  EXPECT_EQ(partitions[1].over_time_limit, std::nullopt);
  EXPECT_EQ(partitions[1].min_nodes, 2);
  EXPECT_THAT(partitions[1].allow_qos, ElementsAre("normal", "low", "urgent"));
  EXPECT_EQ(partitions[2].over_time_limit, 1800);
  for (const Partition& one : partitions) {
    EXPECT_EQ(one.preempt_mode, PreemptMode::kOff) << one.name;
    EXPECT_THAT(one.preempted_by, IsEmpty()) << one.name;
  }
}

TEST(ParsePartitions, TiersPreemptOnlyOnSharedNodesInThe2405Sample) {
  const auto partitions = sample("24.05");
  ASSERT_EQ(partitions.size(), 4U);
  EXPECT_EQ(partitions[0].preempt_mode, PreemptMode::kOff);
  EXPECT_EQ(partitions[0].time_limit, std::nullopt);
  EXPECT_EQ(partitions[1].preempt_mode, PreemptMode::kRequeue);
  EXPECT_EQ(partitions[1].grace, 300);
  EXPECT_THAT(partitions[1].preempted_by, ElementsAre("prod"));
  EXPECT_EQ(partitions[1].over_time_limit, 0);
  EXPECT_EQ(partitions[2].preempt_mode, PreemptMode::kSuspend);
  EXPECT_THAT(partitions[2].preempted_by, ElementsAre("prod", "research", "desk"));
  EXPECT_EQ(partitions[3].preempt_mode, PreemptMode::kOff) << "GANG alone, and nobody above on its nodes";
  EXPECT_EQ(partitions[3].time_limit, 86400);
}

TEST(NodesMaySubmit, IsNoOnlyWhereEveryPartitionRefusesItsOwnNodes) {
  EXPECT_EQ(nodes_may_submit(read_sample("24.05", "scontrol_show_partition")), false);
  EXPECT_EQ(nodes_may_submit(read_sample("21.08", "scontrol_show_partition")), std::nullopt);
  EXPECT_EQ(
      nodes_may_submit("PartitionName=a AllocNodes=login1 Nodes=n1\nPartitionName=b AllocNodes=n[1-2] Nodes=n1\n"),
      std::nullopt);
  EXPECT_EQ(nodes_may_submit(""), std::nullopt);
}

}  // namespace
}  // namespace trireme::slurm
