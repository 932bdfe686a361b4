#include "launcher/doctor/storage_habits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launcher/doctor/report.hpp"
#include "tests/launcher/doctor/synthetic.hpp"

namespace trireme::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Survey on(const std::string& file_system, const Cluster& cluster) {
  Survey survey = healthy(cluster);
  for (DirectoryView& view : survey.views) view.file_system = file_system;
  return survey;
}

TEST(StorageHabits, FewShardsOnLustreAreSpreadWideManyAreNot) {
  const auto few = storage_habits(on("lustre", {2, 8, true}));
  ASSERT_THAT(few, SizeIs(2));
  EXPECT_THAT(few[0], HasSubstr("lfs setstripe -E 64M -c 1 -S 4M -E -1 -c 4 -S 4M /scratch/run"));
  const auto many = storage_habits(on("lustre", {4, 8, true}));
  EXPECT_THAT(many[0], HasSubstr("lfs setstripe -c 1 -S 4M /scratch/run"));
  EXPECT_THAT(many[1], HasSubstr("lfs df -h /scratch/run"));
}

TEST(StorageHabits, OtherFileSystemsHaveTheirOwn) {
  EXPECT_THAT(storage_habits(on("gpfs", {2, 8, true}))[0], HasSubstr("mmlsfs DEVICE -B"));
  EXPECT_THAT(storage_habits(on("nfs", {2, 8, true}))[0], HasSubstr("all 2 nodes"));
  EXPECT_THAT(storage_habits(on("tmpfs", {1, 1, true}))[0], HasSubstr("gone with the node"));
  EXPECT_THAT(storage_habits(on("ext", {2, 8, true})), SizeIs(0));
  EXPECT_THAT(storage_habits(on("0x1234", {2, 8, true})), SizeIs(0));
  Survey survey = healthy();
  survey.views.clear();
  EXPECT_THAT(storage_habits(survey), SizeIs(0));
}

TEST(StorageHabits, StandInBothReportsAndChangeNoVerdict) {
  const Survey survey = on("lustre", {4, 4, true});
  const std::string text = report(survey, judge(survey));
  EXPECT_THAT(text, HasSubstr("\nadvice   Lustre: new files take the striping"));
  EXPECT_THAT(text, HasSubstr("no defect, 0 warnings"));
  EXPECT_EQ(report_json(survey, judge(survey)).at("advice").size(), 2U);
  EXPECT_THAT(report(on("ext", {4, 4, true}), {}), Not(HasSubstr("advice")));
}

}  // namespace
}  // namespace trireme::doctor
