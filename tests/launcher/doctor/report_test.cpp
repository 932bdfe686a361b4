#include "launcher/doctor/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/doctor/synthetic.hpp"

namespace trireme::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string line_with(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  if (at == std::string::npos) return "";
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

TEST(Report, TablesNameEveryRankAndNode) {
  const Survey survey = healthy({2, 2, true});
  const std::string text = report(survey, judge(survey));
  EXPECT_THAT(text, HasSubstr("4 ranks on 2 hosts; run directory /scratch/run (lustre)"));
  EXPECT_THAT(line_with(text, "GPU-3"), HasSubstr("n1"));
  EXPECT_THAT(line_with(text, "GPU-3"), HasSubstr("8-15"));
  EXPECT_THAT(line_with(text, "1.00 GB/s"), HasSubstr("2.00 GB/s"));
  EXPECT_THAT(text, HasSubstr("no defect, 0 warnings"));
  EXPECT_THAT(text, HasSubstr("all-reduce over MPI: 268 MB in 10 ms, 26.8 GB/s (40.3 GB/s through each rank)"));
}

TEST(Report, OutliersAreMarkedAndNamedBelow) {
  Survey survey = healthy({2, 2, true});
  survey.ranks[1].gpu->uuid = "GPU-0";
  survey.nodes[1].write_rate = 1e8;
  const auto findings = judge(survey);
  const std::string text = report(survey, findings);
  EXPECT_THAT(line_with(text, "! shared GPU"), HasSubstr("n0"));
  EXPECT_THAT(line_with(text, "! slow write"), HasSubstr("n1"));
  EXPECT_THAT(text, HasSubstr("\ndefect   ranks 0-1 on host n0 use one GPU"));
  EXPECT_THAT(text, HasSubstr("\nwarning  host n1 writes"));
  EXPECT_THAT(text, HasSubstr("1 defect, 1 warning\n"));
  EXPECT_THAT(failure_line(findings), testing::StartsWith("1 defect: ranks 0-1"));
}

TEST(Report, AThousandRanksShowOnlyTheMarkedOnes) {
  Survey survey = healthy({125, 8, true});
  survey.ranks[700].gpu.reset();
  const std::string text = report(survey, judge(survey));
  EXPECT_THAT(text, HasSubstr("… and 999 ranks without a mark"));
  EXPECT_THAT(text, HasSubstr("… and 124 hosts without a mark"));
  EXPECT_THAT(line_with(text, "! no GPU"), HasSubstr("700"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 25);
}

TEST(Report, JsonHasEverything) {
  Survey survey = healthy({2, 2, true});
  survey.ranks[1].gpu->uuid = "GPU-0";
  const base::Json json = report_json(survey, judge(survey));
  EXPECT_EQ(json.at("defects"), 1);
  EXPECT_EQ(json.at("ranks").size(), 4u);
  EXPECT_EQ(json.at("ranks")[3].at("gpu").at("name"), "NVIDIA H100");
  EXPECT_EQ(json.at("ranks")[3].at("directory").at("sees"), true);
  EXPECT_EQ(json.at("nodes")[1].at("ranks"), base::Json({2, 3}));
  EXPECT_EQ(json.at("links").size(), 3u);
  EXPECT_EQ(json.at("findings")[0].at("ranks"), base::Json({0, 1}));
}

TEST(Report, WhatWasNotMeasuredIsLeftOut) {
  Survey survey = healthy({1, 1, false});
  for (Node& node : survey.nodes) node.write_rate = node.read_rate = 0;
  survey.all_reduce = {};
  const std::string text = report(survey, judge(survey));
  EXPECT_THAT(text, Not(HasSubstr("all-reduce")));
  EXPECT_THAT(text, Not(HasSubstr("GPU")));
  EXPECT_TRUE(report_json(survey, {}).at("nodes")[0].at("write_bytes_per_second").is_null());
}

TEST(Survey, TravelsAsText) {
  const Survey survey = healthy({1, 2, true});
  const Rank there = rank_from_json(base::Json::parse(base::to_line(to_json(survey.ranks[1]))));
  EXPECT_EQ(there.rank, 1);
  EXPECT_EQ(there.host, "n0");
  EXPECT_EQ(there.cpus, survey.ranks[1].cpus);
  EXPECT_EQ(there.gpu->uuid, "GPU-1");
  EXPECT_EQ(there.gpu->free_bytes, survey.ranks[1].gpu->free_bytes);
  EXPECT_EQ(there.versions, survey.ranks[1].versions);
  EXPECT_EQ(there.files, survey.ranks[1].files);
}

}  // namespace
}  // namespace trireme::doctor
