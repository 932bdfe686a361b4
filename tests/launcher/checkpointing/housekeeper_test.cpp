#include "launcher/checkpointing/housekeeper.hpp"

#include <gtest/gtest.h>

#include <semaphore>

#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using checkpoint::SingleProcess;

class HousekeeperTest : public testing::Test {
 protected:
  void save(std::int64_t step) {
    SingleProcess alone;
    const auto tensors = checkpoint::tests::sample_tensors();
    const auto info = checkpoint::tests::sample_info(run_.path(), step);
    ASSERT_TRUE(checkpoint::tests::save_sample(alone, files_, info, tensors, {}).ok);
  }
  std::vector<std::int64_t> steps() { return checkpoint::committed_steps(files_, run_.path()); }
  std::vector<std::int64_t> verified() { return checkpoint::verified_steps(files_, run_.path()); }
  /// The answer to whether this process holds the lease, which tells how far the housekeeper's thread is.
  std::function<bool()> holds_lease() {
    return [this] {
      lease_questions_.release();
      return true;
    };
  }
  void wait_for_lease_questions(int count) {
    for (int i = 0; i < count; ++i) lease_questions_.acquire();
  }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory run_;
  std::counting_semaphore<> lease_questions_{0};
};

TEST_F(HousekeeperTest, TheTwoNewestAreReadBackAndOldOnesGo) {
  for (const std::int64_t step : {1, 2, 3, 4}) save(step);
  Housekeeper housekeeper(files_, run_.path(), {}, holds_lease());
  housekeeper.committed();
  wait_for_lease_questions(3);  // after each of the two, and before it deletes
  housekeeper.end();
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(verified(), (std::vector<std::int64_t>{3, 4}));
  EXPECT_TRUE(housekeeper.warnings().empty());
}

TEST_F(HousekeeperTest, DamageIsToldAndNotRecordedAsVerified) {
  save(1);
  const auto shard = run_.path() / "checkpoints/step_1/node_0/shard_0.h5";
  const auto file = files_.open(shard, base::OpenMode::kReadWrite);
  char byte = 0;
  file->pread(&byte, 1, file->size() - 1);
  byte = static_cast<char>(byte ^ 1);
  file->pwrite(&byte, 1, file->size() - 1);
  Housekeeper housekeeper(files_, run_.path(), {}, holds_lease());
  housekeeper.committed();
  wait_for_lease_questions(2);  // after reading back, and, having warned, before it deletes
  const auto warnings = housekeeper.warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("is damaged"), std::string::npos) << warnings[0];
  EXPECT_TRUE(verified().empty());
}

TEST_F(HousekeeperTest, WhatIsToGoIsGoneWhenItEnds) {
  for (const std::int64_t step : {1, 2, 3, 4}) save(step);
  {
    Housekeeper housekeeper(files_, run_.path(), {}, [] { return true; });
    housekeeper.committed();
  }
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(verified(), (std::vector<std::int64_t>{3, 4}));
}

TEST_F(HousekeeperTest, NothingIsTouchedOnceAnotherJobHoldsTheRun) {
  for (const std::int64_t step : {1, 2, 3, 4}) save(step);
  {
    Housekeeper housekeeper(files_, run_.path(), {}, [] { return false; });
    housekeeper.committed();
  }
  EXPECT_EQ(steps().size(), 4U);
  EXPECT_TRUE(verified().empty());
}

}  // namespace
}  // namespace trireme::launcher
