#include "slurm/submit/geometry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/slurm/submit/sample_site.hpp"

namespace trireme::slurm {
namespace {

using testing::HasSubstr;

std::string refusal(const JobRequest& request) {
  try {
    plan_geometry(request, sample_site());
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(PlanGeometry, TakesARankForEachGpuAndAnEqualShareOfTheCores) {
  JobRequest request;
  request.nodes = 2;
  const Geometry geometry = plan_geometry(request, sample_site());
  EXPECT_EQ(geometry.gpus_per_node, 8);
  EXPECT_EQ(geometry.ranks_per_node, 8);
  EXPECT_EQ(geometry.ranks(), 16);
  EXPECT_EQ(geometry.cpus_per_task, 8);
  EXPECT_EQ(geometry.seconds, 86400);
}

TEST(PlanGeometry, TakesTheShareOfTheNodeThatItsGpusAre) {
  JobRequest request;
  request.gpus_per_node = 2;
  const Geometry geometry = plan_geometry(request, sample_site());
  EXPECT_EQ(geometry.ranks_per_node, 2);
  EXPECT_EQ(geometry.cpus_per_task, 8);
  EXPECT_EQ(geometry.mem, "128000M");
}

TEST(PlanGeometry, TakesTheShareOfTheMemoryThatItsCpusAreWhereNodesAreShared) {
  Site site = sample_site();
  Partition& cpu = site.partitions[1];  // 32 CPUs, 128000 MiB
  JobRequest request;
  request.partition = "cpu";
  request.ranks_per_node = 2;
  request.cpus_per_task = 4;
  EXPECT_EQ(plan_geometry(request, site).mem, "32000M");
  cpu.max_memory_per_cpu = 1000;  // Slurm would count further CPUs
  EXPECT_EQ(plan_geometry(request, site).mem, "8000M");
  cpu.max_memory_per_cpu.reset();
  cpu.max_memory_per_node = 10000;
  EXPECT_EQ(plan_geometry(request, site).mem, "10000M");
  cpu.max_memory_per_node.reset();
  request.mem = "7G";
  EXPECT_EQ(plan_geometry(request, site).mem, "7G");
  request.mem = "";
  cpu.memory_per_node = 0;  // not known: the site's default
  cpu.default_memory_per_cpu = 2000;
  EXPECT_EQ(plan_geometry(request, site).mem, "");
}

TEST(PlanGeometry, TakesAllMemoryOfANodeThatItHasToItself) {
  Site site = sample_site();
  JobRequest request;
  request.partition = "cpu";
  request.ranks_per_node = 2;
  request.cpus_per_task = 4;
  request.extra = "--hold --exclusive";
  EXPECT_EQ(plan_geometry(request, site).mem, "0");
  request.extra = "--exclusive=user";  // other jobs of the user come beside it
  EXPECT_EQ(plan_geometry(request, site).mem, "32000M");
  request.extra = "";
  request.nodes = 2;
  request.min_nodes = 1;  // asks for whole nodes
  EXPECT_EQ(plan_geometry(request, site).mem, "0");
  request.min_nodes = 0;
  site.partitions[1].exclusive = true;
  EXPECT_EQ(plan_geometry(request, site).mem, "0");
  site.partitions[1].exclusive = false;
  request.cpus_per_task = 16;  // all CPUs
  EXPECT_EQ(plan_geometry(request, site).mem, "0");
}

TEST(PlanGeometry, WantsTheRanksToBeNamedWhereThereAreNoGpus) {
  JobRequest request;
  request.partition = "cpu";
  EXPECT_THAT(refusal(request), HasSubstr("slurm.ranks_per_node"));
  request.ranks_per_node = 4;
  EXPECT_EQ(plan_geometry(request, sample_site()).cpus_per_task, 8);
  EXPECT_EQ(plan_geometry(request, sample_site()).seconds, 86400);  // no limit: a day
}

TEST(PlanGeometry, RefusesWhatThePartitionDoesNotHave) {
  const auto with = [](auto change) {
    JobRequest request;
    change(request);
    return refusal(request);
  };
  EXPECT_THAT(with([](JobRequest& w) { w.nodes = 17; }), HasSubstr("at most 16"));
  EXPECT_THAT(with([](JobRequest& w) { w.min_nodes = 2; }), HasSubstr("slurm.min_nodes"));
  EXPECT_THAT(with([](JobRequest& w) { w.gpus_per_node = 9; }), HasSubstr("have 8"));
  EXPECT_THAT(with([](JobRequest& w) { w.ranks_per_node = 9; }), HasSubstr("at most one rank a GPU"));
  EXPECT_THAT(with([](JobRequest& w) { w.cpus_per_task = 9; }), HasSubstr("64 cores"));
  EXPECT_THAT(with([](JobRequest& w) { w.time = "1-00:00:01"; }), HasSubstr("1-00:00:00"));
  EXPECT_THAT(with([](JobRequest& w) { w.time = "soon"; }), HasSubstr("slurm.time = soon"));
  EXPECT_THAT(with([](JobRequest& w) { w.partition = "gpus"; }), HasSubstr("gpu, cpu"));
  for (const char* mem : {"G", "64X", "6 4", "64GG", "-1"}) {
    EXPECT_THAT(with([&](JobRequest& w) { w.mem = mem; }), HasSubstr("slurm.mem")) << mem;
  }
}

TEST(BillingPerHour, IsWeightsTimesWhatTheJobGets) {
  JobRequest request;
  request.nodes = 2;
  const Site site = sample_site();
  const Geometry geometry = plan_geometry(request, site);
  EXPECT_EQ(billing_per_hour(geometry, site.partitions[0], false), 2 * (64 + 80));
  EXPECT_EQ(billing_per_hour(geometry, site.partitions[0], true), 2 * 80);
  EXPECT_EQ(billing_per_hour(geometry, site.partitions[1], false), std::nullopt);
}

TEST(BillingPerHour, CountsMemoryInMebibytes) {
  Partition partition = sample_site().partitions[1];
  partition.billing_weights = {{"mem", 1.0 / 1024}};
  Geometry geometry;
  geometry.mem = "64G";
  EXPECT_EQ(billing_per_hour(geometry, partition, false), 64);
  geometry.mem = "0";
  EXPECT_EQ(billing_per_hour(geometry, partition, false), 125);
  geometry.mem = "";  // the site's default
  geometry.ranks_per_node = 4;
  partition.default_memory_per_cpu = 2048;
  EXPECT_EQ(billing_per_hour(geometry, partition, false), 8);
}

}  // namespace
}  // namespace trireme::slurm
