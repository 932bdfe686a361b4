#include "slurm/job/control_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace trireme::slurm {
namespace {

namespace fs = std::filesystem;

class ControlFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "trireme-control-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    run_ = pattern;
  }
  void TearDown() override { fs::remove_all(run_); }

  base::PosixFileSystem files_;
  fs::path run_;
};

TEST_F(ControlFilesTest, ARequestIsSeenWithItsUserAndTakenBack) {
  leave_request(files_, run_, Wish::kStop, "alice", 12.5);
  const auto found = find_request(files_, run_, Wish::kStop);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, user_name());  // whose file it is, whatever it says
  EXPECT_FALSE(find_request(files_, run_, Wish::kSave));
  EXPECT_TRUE(take_back(files_, run_, Wish::kStop));
  EXPECT_FALSE(take_back(files_, run_, Wish::kStop));
  EXPECT_FALSE(find_request(files_, run_, Wish::kStop));
}

TEST_F(ControlFilesTest, AnyFileCounts) {
  make_control_directory(files_, run_);
  for (const char* content : {"", "{\"user\":3}", "{\"us", "\xff\xfe"}) {
    std::ofstream(control_file(run_, Wish::kStop)) << content;
    const auto found = find_request(files_, run_, Wish::kStop);
    ASSERT_TRUE(found) << content;
    EXPECT_EQ(found->user, user_name());
  }
}

TEST_F(ControlFilesTest, WhatIsNoFileCountsAndIsNotRead) {
  make_control_directory(files_, run_);
  const fs::path stop = control_file(run_, Wish::kStop);
  files_.replace(run_ / "private", "{\"user\":\"secret\"}");
  files_.create_symlink(run_ / "private", stop);
  ASSERT_TRUE(find_request(files_, run_, Wish::kStop));
  EXPECT_EQ(find_request(files_, run_, Wish::kStop)->content, "");
  EXPECT_TRUE(take_back(files_, run_, Wish::kStop));
  EXPECT_TRUE(files_.exists(run_ / "private"));
  ASSERT_EQ(::mkfifo(stop.c_str(), 0666), 0);
  ASSERT_TRUE(find_request(files_, run_, Wish::kStop));
  EXPECT_EQ(find_request(files_, run_, Wish::kStop)->content, "");
  leave_request(files_, run_, Wish::kStop, "alice", 0);  // replaces it
  EXPECT_NE(find_request(files_, run_, Wish::kStop)->content, "");
}

TEST_F(ControlFilesTest, AHugeRequestCountsAndIsNotRead) {
  leave_request(files_, run_, Wish::kSave, "alice", 0);
  ASSERT_EQ(::truncate(control_file(run_, Wish::kSave).c_str(), off_t{1} << 40), 0);
  ControlFiles control(files_, run_);
  control.look(1.0);
  EXPECT_TRUE(control.save_asked());
  EXPECT_TRUE(control.save_made());
  EXPECT_FALSE(control.save_asked());
}

TEST_F(ControlFilesTest, TheDirectoryIsAsSharedAsTheRunDirectory) {
  fs::permissions(run_, fs::perms::owner_all | fs::perms::group_all);
  make_control_directory(files_, run_);
  EXPECT_NE(fs::status(run_ / "control").permissions() & fs::perms::group_write, fs::perms::none);
}

TEST_F(ControlFilesTest, FilesAreLookedAtOnceASecond) {
  ControlFiles control(files_, run_);
  control.look(100.0);
  leave_request(files_, run_, Wish::kStop, "bob", 0);
  control.look(100.9);
  EXPECT_FALSE(control.stop());
  control.look(101.0);
  ASSERT_TRUE(control.stop());
  EXPECT_NE(control.stop()->content.find("bob"), std::string::npos);
  take_back(files_, run_, Wish::kStop);
  control.look(50.0);  // the clock was set back
  EXPECT_FALSE(control.stop());
}

TEST_F(ControlFilesTest, ASaveThatWasMadeTakesTheRequestAway) {
  ControlFiles control(files_, run_);
  leave_request(files_, run_, Wish::kSave, "bob", 0);
  control.look(1.0);
  EXPECT_TRUE(control.save_asked());
  EXPECT_TRUE(control.save_made());
  EXPECT_FALSE(control.save_asked());
  EXPECT_FALSE(files_.exists(control_file(run_, Wish::kSave)));
}

TEST_F(ControlFilesTest, ASaveThatFailedIsNotTriedAtEveryStep) {
  ControlFiles control(files_, run_);
  leave_request(files_, run_, Wish::kSave, "bob", 1);
  control.look(1.0);
  control.save_failed();
  control.look(3.0);
  EXPECT_FALSE(control.save_asked());
  leave_request(files_, run_, Wish::kSave, "bob", 2);
  control.look(5.0);
  EXPECT_TRUE(control.save_asked());
}

}  // namespace
}  // namespace trireme::slurm
