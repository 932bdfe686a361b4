#include "launcher/run_directory/program_metrics.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

class ProgramMetrics : public ::testing::Test {
 protected:
  ProgramMetrics() { std::filesystem::create_directories(directory_); }
  ~ProgramMetrics() override { std::filesystem::remove_all(directory_); }
  void append(const std::string& text) const { std::ofstream(file_, std::ios::app) << text; }

  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("program_metrics_test." + std::to_string(::getpid()));
  const std::filesystem::path file_ = directory_ / "metrics.jsonl";
  base::PosixFileSystem files_;
};

TEST_F(ProgramMetrics, TheNewestOfEachCounts) {
  append("{\"step\": 1, \"steps\": 90}\n{\"step\": 2, \"saved_step\": 2}\n{\"step\": 3, \"loss\": 1.5}\n{\"step\": 4");
  const ProgramProgress said = program_progress(files_, file_);
  EXPECT_EQ(said.step, 3);  // the torn line says nothing
  EXPECT_EQ(said.steps, 90);
  EXPECT_EQ(said.saved_step, 2);
  EXPECT_FALSE(program_progress(files_, directory_ / "none").step.has_value());
}

TEST_F(ProgramMetrics, WhatIsNoLineOfOursSaysNothing) {
  append(
      "\n[1]\nnull\n{\"step\": \"7\"}\n{\"step\": -3}\n{\"step\": 1e300}\n{\"steps\": 2.5}\n\xff\xfe\n{\"step\": "
      "NaN}\n");
  const ProgramProgress said = program_progress(files_, file_);
  EXPECT_FALSE(said.step || said.steps || said.saved_step);
}

TEST_F(ProgramMetrics, ALineWithNumbersThatJsonHasNotIsRead) {
  append(
      "{\"step\": 7, \"loss\": NaN, \"name\": \"NaN \\\" -Infinity 1e999\", \"low\": -Infinity, \"big\": 1e999, \"x\": "
      "2}\n");
  EXPECT_EQ(program_progress(files_, file_).step, 7);
  const base::Json line = parse_metrics_line(files_.read_all(file_));
  EXPECT_TRUE(line.at("loss").is_null() && line.at("low").is_null() && line.at("big").is_null());
  EXPECT_EQ(line.at("name"), "NaN \" -Infinity 1e999");
  EXPECT_EQ(line.at("x"), 2);
  EXPECT_TRUE(parse_metrics_line("{\"step\": NaNa}").is_discarded());
}

TEST_F(ProgramMetrics, FollowsWhatIsAppendedInPieces) {
  append("{\"step\": 5, \"saved_step\": 5}\n");
  MetricsFollower follower(files_, file_);
  EXPECT_FALSE(follower.progress().step.has_value());  // an earlier attempt's
  EXPECT_EQ(follower.progress().saved_step, 5);
  EXPECT_FALSE(follower.look());
  append("{\"step\": 6}\n{\"st");
  EXPECT_TRUE(follower.look());
  EXPECT_EQ(follower.progress().step, 6);
  append("ep\": 7, \"saved_step\": 7}\n");
  EXPECT_TRUE(follower.look());
  EXPECT_EQ(follower.progress().step, 7);
  EXPECT_EQ(follower.progress().saved_step, 7);
}

TEST_F(ProgramMetrics, AFileThatComesOrIsReplacedLaterIsRead) {
  MetricsFollower follower(files_, file_);
  EXPECT_FALSE(follower.look());
  append("{\"step\": 11}\n");
  EXPECT_TRUE(follower.look());
  EXPECT_EQ(follower.progress().step, 11);
  std::filesystem::remove(file_);
  EXPECT_FALSE(follower.look());
  append("{\"step\":2}\n");
  EXPECT_TRUE(follower.look());
  EXPECT_EQ(follower.progress().step, 2);
}

TEST_F(ProgramMetrics, ALineWithoutEndIsNotKept) {
  MetricsFollower follower(files_, file_);
  append(std::string(5 << 20, 'x'));
  EXPECT_TRUE(follower.look());
  append("\n{\"step\": 3}\n");
  EXPECT_TRUE(follower.look());
  EXPECT_EQ(follower.progress().step, 3);
}

}  // namespace
}  // namespace trireme::launcher
