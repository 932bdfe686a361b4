#include "launcher/doctor/judgement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/doctor/synthetic.hpp"

namespace trireme::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Severity kDefect = Severity::kDefect;
constexpr Severity kWarning = Severity::kWarning;

Finding judged(const Survey& survey) { return only(judge(survey)); }

TEST(Judgement, AHealthyClusterHasNoFinding) {
  EXPECT_THAT(judge(healthy()), IsEmpty());
  EXPECT_THAT(judge(healthy({1, 1, false})), IsEmpty());
  EXPECT_THAT(judge(healthy({125, 8, true})), IsEmpty());
}

TEST(Judgement, TwoRanksOnOneGpu) {
  Survey survey = healthy();
  survey.ranks[6].gpu->uuid = survey.ranks[5].gpu->uuid;
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kDefect);
  EXPECT_THAT(finding.ranks, ElementsAre(5, 6));
  EXPECT_THAT(finding.sentence, HasSubstr("ranks 5-6 on host n1 use one GPU, GPU-5"));
}

TEST(Judgement, ManySharedGpusAreOneFinding) {
  Survey survey = healthy({125, 8, true});
  for (Rank& rank : survey.ranks) rank.gpu->uuid = "GPU-" + std::to_string(rank.rank / 2);
  const Finding finding = judged(survey);
  EXPECT_THAT(finding.ranks, SizeIs(1000));
  EXPECT_THAT(finding.sentence, HasSubstr("and 499 more GPUs are shared"));
}

TEST(Judgement, ARankWithoutGpuWhileOthersHaveOne) {
  Survey survey = healthy();
  for (const int rank : {8, 9}) {
    survey.ranks[static_cast<std::size_t>(rank)].gpu.reset();
    survey.ranks[static_cast<std::size_t>(rank)].no_gpu = "no GPU visible";
  }
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kDefect);
  EXPECT_THAT(finding.ranks, ElementsAre(8, 9));
  EXPECT_THAT(finding.sentence, HasSubstr("ranks 8-9 on host n2 have no GPU while others have one (no GPU visible)"));
}

TEST(Judgement, NoGpuAnywhereIsADefectOnlyWhenOneIsWanted) {
  Survey survey = healthy({2, 2, false});
  survey.wanted_device = "cuda";
  EXPECT_THAT(judged(survey).sentence, HasSubstr("train.device = cuda, but no rank has a GPU"));
  survey.wanted_device = "cpu";
  EXPECT_THAT(judge(survey), IsEmpty());
}

TEST(Judgement, AGpuThatIsVisibleAndCannotBeUsed) {
  Survey survey = healthy({2, 2, false});
  for (Rank& rank : survey.ranks) {
    rank.gpu_unusable = true;
    rank.no_gpu = "this node runs 4 ranks but shows 2 devices";
  }
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kDefect);
  EXPECT_THAT(finding.sentence, HasSubstr("shows 2 devices"));
}

TEST(Judgement, OtherAndBusyGpusAreWarnings) {
  Survey survey = healthy();
  survey.ranks[3].gpu->name = "NVIDIA A100";
  EXPECT_EQ(judged(survey).severity, kWarning);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("rank 3 on host n0 has a NVIDIA A100 where most have a NVIDIA H100"));
  survey = healthy();
  survey.ranks[3].gpu->free_bytes = 10'000'000'000;
  EXPECT_EQ(judged(survey).severity, kWarning);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("10.0 GB of 80.0 GB free"));
}

TEST(Judgement, ABrokenGpuIsADefectAndASlowOneAWarning) {
  Survey survey = healthy();
  survey.ranks[3].gpu->sickness = "lower clocks by heat";
  EXPECT_EQ(judged(survey).severity, kWarning);
  EXPECT_THAT(judged(survey).sentence,
              HasSubstr("rank 3 on host n0 has a GPU that is slowed down (lower clocks by heat)"));
  survey.ranks[3].gpu->sickness = "3 uncorrectable memory errors";
  survey.ranks[3].gpu->broken = true;
  EXPECT_EQ(judged(survey).severity, kDefect);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("reports as broken (3 uncorrectable memory errors)"));
}

TEST(Judgement, NcclThatDoesNotConnectIsADefect) {
  Survey survey = healthy();
  survey.transport_error = "connecting failed: unhandled system error";
  EXPECT_EQ(judged(survey).severity, kDefect);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("unhandled system error"));
}

TEST(Judgement, RanksThatAreBoundToOneCpu) {
  Survey survey = healthy();
  survey.ranks[4].cpus = {0};
  survey.ranks[5].cpus = {0};
  const std::vector<Finding> findings = judge(survey);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].severity, kDefect);
  EXPECT_THAT(findings[0].ranks, ElementsAre(4, 5));
  EXPECT_THAT(findings[0].sentence, HasSubstr("ranks 4-5 on host n1 are bound to CPUs that they share, CPU 0"));
}

TEST(Judgement, ARankOnAnothersCoreIsNamedToo) {
  Survey survey = healthy();
  survey.ranks[6].cpus = {7, 16, 17, 18, 19, 20, 21, 22};  // CPU 7 is rank 4's
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kDefect);
  EXPECT_THAT(finding.ranks, ElementsAre(4, 6));
  EXPECT_THAT(finding.sentence, HasSubstr("CPU 7"));
}

TEST(Judgement, RanksBoundToASocketShareItWithoutAFinding) {
  Survey survey = healthy();
  for (Rank& rank : survey.ranks) {
    rank.cpus.clear();
    for (int cpu = 0; cpu < 16; ++cpu) rank.cpus.push_back(rank.rank % 4 / 2 * 16 + cpu);
  }
  EXPECT_THAT(judge(survey), IsEmpty());
}

TEST(Judgement, UnboundRanksMayShareTheWholeMaskAndAreWarnedWhenItIsSmall) {
  Survey survey = healthy();
  for (Rank& rank : survey.ranks) rank.cpus = {0, 1, 2, 3};
  EXPECT_THAT(judge(survey), IsEmpty());
  for (Rank& rank : survey.ranks) rank.cpus = {0, 1};
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_THAT(finding.ranks, SizeIs(16));
  EXPECT_THAT(finding.sentence, HasSubstr("fewer CPUs than there are ranks"));
}

TEST(Judgement, FewerCpusThanTheOthersAndAQuota) {
  Survey survey = healthy();
  survey.ranks[7].cpus = {30};
  EXPECT_THAT(judged(survey).sentence, HasSubstr("rank 7 on host n1 has 1 CPUs where most have 8"));
  survey = healthy();
  for (Rank& rank : survey.ranks) rank.cpu_quota = 2.5;
  EXPECT_EQ(judged(survey).severity, kWarning);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("2.5 CPUs of the 8"));
}

TEST(Judgement, MemoryThatDiffers) {
  Survey survey = healthy();
  survey.ranks[2].memory_bytes = 500'000'000'000;  // kernels differ a little
  EXPECT_THAT(judge(survey), IsEmpty());
  survey.ranks[2].memory_bytes = 384'000'000'000;
  EXPECT_EQ(judged(survey).severity, kWarning);
  survey.ranks[2].memory_bytes = 64'000'000'000;
  EXPECT_EQ(judged(survey).severity, kDefect);
  EXPECT_THAT(judged(survey).sentence,
              HasSubstr("rank 2 on host n0 may use 64.0 GB of memory where most may use 512 GB"));
}

TEST(Judgement, UnequalVersions) {
  Survey survey = healthy();
  for (const int rank : {12, 13, 14, 15}) survey.ranks[static_cast<std::size_t>(rank)].versions["HDF5"] = "1.12.1";
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kDefect);
  EXPECT_THAT(finding.ranks, ElementsAre(12, 13, 14, 15));
  EXPECT_THAT(finding.sentence, HasSubstr("ranks 12-15 on host n3 have HDF5 1.12.1 where most have 1.10.8"));
}

TEST(Judgement, ALibraryThatOnlySomeRanksLoadIsNoVersion) {
  Survey survey = healthy();
  survey.ranks[0].versions["NCCL"] = "2.28.9";
  EXPECT_THAT(judge(survey), IsEmpty());
}

TEST(Judgement, OtherBuildsOfLoadedFilesAreOneWarning) {
  Survey survey = healthy();
  survey.ranks[1].files = {{"libc.so.6", "cc"}, {"libz.so.1", "dd"}};
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_THAT(finding.sentence, HasSubstr("2 libraries than most (libc.so.6, libz.so.1)"));
}

TEST(Judgement, AClockThatIsOff) {
  Survey survey = healthy();
  survey.nodes[2].clock_seconds = 0.9;
  EXPECT_THAT(judge(survey), IsEmpty());
  survey.nodes[2].clock_seconds = -90;
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_THAT(finding.ranks, ElementsAre(8, 9, 10, 11));
  EXPECT_THAT(finding.sentence, HasSubstr("host n2 is 1m 30s behind the others"));
}

TEST(Judgement, RankZerosOwnClockIsBlamedWhenItIsTheOddOne) {
  Survey survey = healthy();
  for (std::size_t node = 1; node < survey.nodes.size(); ++node) survey.nodes[node].clock_seconds = 5;
  EXPECT_THAT(judged(survey).ranks, ElementsAre(0, 1, 2, 3));
}

TEST(Judgement, ADirectoryThatIsNotShared) {
  Survey survey = healthy();
  for (const std::size_t rank : {4, 5, 6, 7}) survey.views[rank] = {false, true, false, "tmpfs", ""};
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kDefect);
  EXPECT_THAT(finding.ranks, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(finding.sentence, HasSubstr("/scratch/run is not the same on all nodes: ranks 4-7 on host n1"));
  EXPECT_THAT(finding.sentence, HasSubstr("rank 0's file system is lustre, the other is tmpfs"));
}

TEST(Judgement, ADirectoryWithoutTheRightToWrite) {
  Survey survey = healthy();
  survey.views[9].writes = survey.views[9].seen = false;
  survey.views[9].error = "open /scratch/run/x: Permission denied";
  EXPECT_EQ(judged(survey).severity, kDefect);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("rank 9 on host n2 cannot write into the run directory: open"));
  for (DirectoryView& view : survey.views) view = {false, false, false, "nfs", "mkdir /scratch: Read-only file system"};
  EXPECT_THAT(judged(survey).ranks, SizeIs(16));
  EXPECT_THAT(judged(survey).sentence, HasSubstr("Read-only file system"));
}

TEST(Judgement, AFileThatRankZeroDoesNotSee) {
  Survey survey = healthy();
  survey.views[11].seen = false;
  EXPECT_EQ(judged(survey).severity, kDefect);
  EXPECT_THAT(judged(survey).sentence, HasSubstr("rank 0 does not see the file in /scratch/run"));
}

TEST(Judgement, SlowAndBrokenDisks) {
  Survey survey = healthy();
  survey.nodes[1].write_rate = 4e8;
  EXPECT_EQ(judged(survey).severity, kWarning);
  EXPECT_THAT(judged(survey).sentence,
              HasSubstr("host n1 writes to the run directory at 400 MB/s, the median is 1.00 GB/s"));
  survey = healthy();
  survey.nodes[3].read_rate = 1e8;
  EXPECT_THAT(judged(survey).sentence, HasSubstr("host n3 reads from the run directory at 100 MB/s"));
  survey = healthy();
  survey.nodes[0].disk_error = "pwrite: No space left on device";
  EXPECT_EQ(judged(survey).severity, kDefect);
  survey = healthy();
  for (Node& node : survey.nodes) node.write_rate = node.read_rate = 0;  // not measured
  EXPECT_THAT(judge(survey), IsEmpty());
}

TEST(Judgement, TheSlowestLinkIsNamed) {
  Survey survey = healthy();
  survey.links[1].rate = 4e10;
  survey.links[2].rate = 3e10;
  const Finding finding = judged(survey);
  EXPECT_EQ(finding.severity, kWarning);
  EXPECT_THAT(finding.ranks, ElementsAre(1, 2, 3));
  EXPECT_THAT(finding.sentence, HasSubstr("between rank 2 on host n0 and rank 3 on host n0 carries 30.0 GB/s"));
  EXPECT_THAT(finding.sentence, HasSubstr("2 links are slower than half"));
}

TEST(Judgement, LinksBetweenNodesAreComparedAmongThemselves) {
  Survey survey = healthy();  // five times slower than links within nodes, and no finding
  EXPECT_THAT(judge_links(survey), IsEmpty());
  survey.links[3].rate = 1e9;  // n0 - n1
  EXPECT_THAT(judged(survey).sentence, HasSubstr("the median between nodes is 20.0 GB/s"));
}

TEST(Judgement, TheNodeThatIsOnAllSlowLinksIsBlamed) {
  Survey survey = healthy({6, 1, true});
  survey.links.clear();
  for (int a = 0; a < 6; ++a) {
    for (int b = a + 1; b < 6; ++b)
      survey.links.push_back({a, b, LinkKind::kBetweenNodes, a == 2 || b == 2 ? 1e9 : 2e10});
  }
  const Finding finding = judged(survey);
  EXPECT_THAT(finding.ranks, ElementsAre(2));
  EXPECT_THAT(finding.sentence, HasSubstr("host n2 is on all of them"));
}

TEST(Judgement, OfTwoTheSlowerOneIsTheOutlier) {
  Survey survey = healthy({2, 1, true});
  survey.nodes[1].write_rate = 4e8;
  EXPECT_THAT(judged(survey).ranks, ElementsAre(1));
}

TEST(Judgement, DefectsComeFirst) {
  Survey survey = healthy();
  survey.ranks[3].gpu->name = "NVIDIA A100";
  survey.views[9].writes = false;
  const std::vector<Finding> findings = judge(survey);
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].check, "directory");
  EXPECT_EQ(findings[1].check, "gpu");
}

TEST(Judgement, PlacesAreCounted) {
  const Survey survey = healthy();
  EXPECT_EQ(places(survey, {3}), "rank 3 on host n0");
  EXPECT_EQ(places(survey, {1, 2, 5}), "ranks 1-2 on host n0 and rank 5 on host n1");
  EXPECT_EQ(places(survey, {0, 4, 8}), "rank 0 on host n0, rank 4 on host n1 and 1 rank on 1 more host");
  EXPECT_EQ(places(survey, {0, 4, 8, 9, 12}), "rank 0 on host n0, rank 4 on host n1 and 3 ranks on 2 more hosts");
}

TEST(Judgement, TheUpperMedian) {
  EXPECT_EQ(upper_median({}), 0);
  EXPECT_EQ(upper_median({3}), 3);
  EXPECT_EQ(upper_median({3, 1}), 3);
  EXPECT_EQ(upper_median({9, 1, 5}), 5);
  EXPECT_EQ(upper_median({4, 1, 2, 3}), 3);
}

}  // namespace
}  // namespace trireme::doctor
