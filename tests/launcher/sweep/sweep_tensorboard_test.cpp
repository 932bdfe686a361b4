#include "launcher/sweep/sweep_tensorboard.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

class SweepTensorboardTest : public testing::Test {
 protected:
  SweepTensorboardTest() {
    sweep_.header.name = "lr";
    sweep_.header.metric = "valid_loss";
    for (const char* lr : {"1e-3", "1e-2"}) {
      TrialRecord trial;
      trial.parameters = {{"optimizer.lr", lr}, {"model.arch", "gpt2"}};
      sweep_.trials.push_back(trial);
      files_.create_directory(directory_.path() / ("trial_" + std::to_string(sweep_.trials.size() - 1)));
    }
  }
  std::filesystem::path end_of(int trial) const {
    return directory_.path() / ("trial_" + std::to_string(trial)) / "events.out.tfevents.9999999999.hparams.trireme";
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  SweepState sweep_;
};

TEST_F(SweepTensorboardTest, ATrialEndsWithItsRungAndRunsAgainWhenItIsClaimed) {
  write_hparams(files_, directory_.path(), sweep_, 5.0);
  note_hparams(files_, directory_.path(), {{{"event", "result"}, {"trial", 1}, {"time", 7.0}}});
  EXPECT_FALSE(files_.exists(end_of(0)));
  EXPECT_TRUE(files_.exists(end_of(1)));
  note_hparams(files_, directory_.path(), {{{"event", "released"}, {"trial", 1}}, {{"event", "parked"}}});
  EXPECT_TRUE(files_.exists(end_of(1)));
  note_hparams(files_, directory_.path(), {{{"event", "claim"}, {"trial", 1}}});
  EXPECT_FALSE(files_.exists(end_of(1)));
  note_hparams(files_, directory_.path(), {{{"event", "ended"}, {"trial", 0}, {"how", "diverged"}, {"time", 7.0}}});
  EXPECT_TRUE(files_.exists(end_of(0)));
}

TEST_F(SweepTensorboardTest, ASweepWithoutEventFilesGetsNone) {
  note_hparams(files_, directory_.path(),
               {{{"event", "result"}, {"trial", 0}, {"time", 7.0}}, {{"event", "claim"}, {"trial", 9}}});
  EXPECT_FALSE(files_.exists(end_of(0)));
}

TEST_F(SweepTensorboardTest, WhatATrialWasGivenStays) {
  write_hparams(files_, directory_.path(), sweep_, 5.0);
  const auto start = directory_.path() / "trial_0/events.out.tfevents.0000000000.hparams.trireme";
  const std::string before = files_.read_all(start);
  EXPECT_NE(before.find("optimizer.lr"), std::string::npos);
  EXPECT_NE(before.find("gpt2"), std::string::npos);
  write_hparams(files_, directory_.path(), sweep_, 6.0);
  EXPECT_EQ(files_.read_all(start), before);
}

}  // namespace
}  // namespace trireme::launcher
