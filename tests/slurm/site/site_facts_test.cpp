#include "slurm/site/site_facts.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"
#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(ReadSite, PutsTheAnswersTogether) {
  Samples samples{"21.08"};
  const auto site = read_site(samples.run());
  ASSERT_TRUE(site);
  EXPECT_EQ(site->cluster, "campus");
  EXPECT_EQ(site->slurm_version, "21.08.8-2");
  EXPECT_FALSE(site->requeue);
  EXPECT_EQ(site->preempt_exempt_time, 1800);
  EXPECT_EQ(site->max_array_size, 5001);
  EXPECT_EQ(site->mpi_default, "pmi2");
  EXPECT_EQ(site->mpirun_version, "Open MPI 4.0.5");
  EXPECT_TRUE(site->mpirun_has_slurm);
  EXPECT_TRUE(site->accounting);
  EXPECT_EQ(site->qos.size(), 2U);
  EXPECT_THAT(site->unknown, IsEmpty());
  const Partition* gpu = site->partition("gpu");
  ASSERT_NE(gpu, nullptr);
  EXPECT_EQ(gpu->nodes, 18);
  EXPECT_EQ(gpu->gpus_per_node, 4);
  EXPECT_EQ(gpu->gpu_type, "") << "a100 and v100";
  EXPECT_EQ(gpu->cpus_per_node, 32);
  EXPECT_EQ(site->partition("")->name, "cpu");
  EXPECT_EQ(site->partition("none"), nullptr);
}

TEST(ReadSite, AsksFewQuestionsWhateverTheSize) {
  for (const char* version : {"21.08", "22.05", "23.11", "24.05"}) {
    Samples samples{version};
    ASSERT_TRUE(read_site(samples.run())) << version;
    EXPECT_LE(samples.calls.size(), 9U) << version;
  }
}

TEST(ReadSite, ReadsWhatOtherVersionsSay) {
  Samples with_qos{"23.11"}, with_grace{"24.05"};
  const auto helix = read_site(with_qos.run()), forge = read_site(with_grace.run());
  EXPECT_TRUE(helix->send_user_signal);
  EXPECT_TRUE(helix->billing_takes_largest);
  EXPECT_EQ(helix->preempt_exempt_time, 0);
  EXPECT_EQ(helix->kill_wait, 60);
  EXPECT_EQ(helix->node_timeout, 600);
  EXPECT_FALSE(helix->mpirun_has_slurm);
  EXPECT_THAT(helix->unknown, IsEmpty());
  EXPECT_EQ(helix->partition("gpu-multi")->gpus_per_node, 8);
  EXPECT_EQ(helix->partition("mig")->gpus_per_node, 28);
  EXPECT_EQ(forge->max_array_size, 0);
  EXPECT_FALSE(forge->accounting);
  EXPECT_EQ(forge->submit_from_nodes, false);
  EXPECT_TRUE(forge->mpirun_has_slurm) << "prte_info tells";
  EXPECT_EQ(forge->partition("night")->gpus_per_node, 1);
  EXPECT_EQ(forge->partition("night")->node_kinds.size(), 3U);
}

TEST(ReadSite, ReadsARealCluster) {
  Samples samples{"22.05"};
  const auto site = read_site(samples.run());
  EXPECT_EQ(site->slurm_version, "22.05.8");
  EXPECT_EQ(site->preempt_type, "preempt/partition_prio");
  EXPECT_TRUE(site->send_user_signal) << "SlurmctldParameters = preempt_send_user_signal, before 23.02";
  EXPECT_TRUE(site->billing_takes_largest);
  EXPECT_EQ(site->mpirun_version, "Open MPI 4.1.4");
  EXPECT_TRUE(site->mpirun_has_slurm);
  EXPECT_EQ(site->mpi_types, (std::vector<std::string>{"pmix", "cray_shasta", "pmi2", "pmix_v4"}));
  ASSERT_EQ(site->partitions.size(), 5U);
  const Partition &low = site->partitions[0], &mid = site->partitions[1], &high = site->partitions[2],
                  &cpu = site->partitions[3], &hidden = site->partitions[4];
  EXPECT_EQ(low.preempt_mode, PreemptMode::kCancel);
  EXPECT_EQ(low.grace, 20);
  EXPECT_EQ(low.preempted_by, (std::vector<std::string>{"mid", "high"}));
  EXPECT_EQ(low.node_kinds, (std::vector<NodeKind>{{8, 8, 16000, 4, "a100"}, {2, 16, 32000, 4, ""}}));
  EXPECT_EQ(mid.preempted_by, (std::vector<std::string>{"high"}));
  EXPECT_EQ(mid.default_memory_per_cpu, 1000);
  EXPECT_EQ(mid.max_memory_per_node, 15000);
  EXPECT_TRUE(high.exclusive);
  EXPECT_EQ(high.time_limit, std::nullopt);
  EXPECT_EQ(high.preempt_mode, PreemptMode::kOff);
  EXPECT_EQ(cpu.state, "drain");
  EXPECT_EQ(cpu.preempted_by, (std::vector<std::string>{"high"})) << "they share n08";
  EXPECT_EQ(cpu.over_time_limit, 600);
  EXPECT_EQ(cpu.nodes, 101);
  EXPECT_EQ(hidden.state, "down");
  EXPECT_EQ(hidden.nodes, 3);
}

TEST(ReadSite, IsNothingWithoutSlurm) {
  EXPECT_FALSE(read_site([](const auto&) { return std::nullopt; }));
}

TEST(ReadSite, SaysWhyAFactIsNotKnown) {
  Samples samples{"21.08"};
  samples.replaced = {{"sinfo", CommandResult{1, "", "sinfo: error: no access\nmore\n"}},
                      {"srun_mpi_list", std::nullopt},
                      {"mpirun_version", std::nullopt},
                      {"sacctmgr_show_qos", CommandResult{1, "", ""}}};
  const auto site = read_site(samples.run());
  ASSERT_TRUE(site);
  EXPECT_THAT(site->unknown.at("nodes"), HasSubstr("failed: sinfo: error: no access"));
  EXPECT_EQ(site->unknown.at("mpi_types"), "srun is not installed here");
  EXPECT_EQ(site->unknown.at("mpirun_version"), "mpirun is not installed here");
  EXPECT_THAT(site->unknown.at("accounting"), HasSubstr("failed with code 1"));
  EXPECT_FALSE(site->accounting);
  EXPECT_EQ(site->partition("cpu")->nodes, 120) << "scontrol tells the number";
  EXPECT_EQ(site->partition("cpu")->cpus_per_node, 0);
}

TEST(ReadSite, FailsWhenTheControllerDoesNotAnswer) {
  Samples samples{"21.08"};
  const std::string trouble = "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)\n";
  for (const auto& [name, result] : std::vector<std::pair<std::string, CommandResult>>{
           {"scontrol_show_config", {1, "", trouble}},
           {"scontrol_show_config", {0, trouble, ""}},
           {"scontrol_show_partition", {1, "", "slurm_load_partitions error: Invalid user\n"}},
           {"scontrol_show_partition", {0, "No partitions in the system\n", ""}}}) {
    samples.replaced = {{name, result}};
    try {
      read_site(samples.run());
      ADD_FAILURE() << name;
    } catch (const base::InputError&) {
      ADD_FAILURE() << "trying again may help";
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("scontrol ping"));
    }
  }
}

}  // namespace
}  // namespace trireme::slurm
