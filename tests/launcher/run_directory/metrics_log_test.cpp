#include "launcher/run_directory/metrics_log.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "launcher/run_directory/metrics_line.hpp"
#include "tests/support/counting_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

class MetricsLogTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "metrics.jsonl"; }
  void write_steps(std::int64_t after, int attempt, std::int64_t first, std::int64_t last) {
    MetricsLog log(files_, file(), {.last_step = after}, attempt);
    for (std::int64_t step = first; step <= last; ++step) log.append({{"step", step}, {"loss", 0.5}});
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(MetricsLogTest, AResumedAttemptMovesAwayWhatLiesAfterItsCheckpoint) {
  write_steps(0, 0, 1, 5);
  write_steps(3, 1, 4, 4);
  EXPECT_EQ(logged_progress(files_, file(), 0).step, 4);
  EXPECT_EQ(
      files_.read_all(file()),
      "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3,\"loss\":0.5}\n{\"step\":4,\"loss\":0.5}\n");
  EXPECT_EQ(files_.read_all(file().string() + ".1"), "{\"step\":4,\"loss\":0.5}\n{\"step\":5,\"loss\":0.5}\n");
}

TEST_F(MetricsLogTest, NumbersThatAreNotFiniteAreNull) {
  MetricsLog log(files_, file(), {.last_step = 0}, 0);
  log.append({{"step", 1}, {"loss", std::nan("")}, {"grad_norm", -INFINITY}, {"lr", 0.5}, {"sample_text", "nan"}});
  EXPECT_EQ(files_.read_all(file()),
            "{\"step\":1,\"loss\":null,\"grad_norm\":null,\"lr\":0.5,\"sample_text\":\"nan\"}\n");
}

TEST_F(MetricsLogTest, LinesThatAnAttemptHasCutOffTwiceAreBothKept) {
  write_steps(0, 0, 1, 5);
  write_steps(3, 1, 4, 6);
  write_steps(4, 1, 5, 5);
  write_steps(3, 1, 4, 4);
  const std::string cut = file().string() + ".1";
  EXPECT_EQ(files_.read_all(cut), "{\"step\":4,\"loss\":0.5}\n{\"step\":5,\"loss\":0.5}\n");
  EXPECT_EQ(files_.read_all(cut + ".2"), "{\"step\":5,\"loss\":0.5}\n{\"step\":6,\"loss\":0.5}\n");
  EXPECT_EQ(files_.read_all(cut + ".3"), "{\"step\":4,\"loss\":0.5}\n{\"step\":5,\"loss\":0.5}\n");
}

TEST_F(MetricsLogTest, ADamagedLineMovesAwayAlone) {
  write_steps(0, 0, 1, 4);
  std::string damaged = files_.read_all(file());
  damaged.replace(damaged.find("{\"step\":2"), 3, "\1\2\3");
  files_.replace(file(), damaged);
  EXPECT_EQ(logged_progress(files_, file(), 0).step, 4);
  write_steps(4, 1, 5, 5);
  EXPECT_EQ(
      files_.read_all(file()),
      "{\"step\":1,\"loss\":0.5}\n{\"step\":3,\"loss\":0.5}\n{\"step\":4,\"loss\":0.5}\n{\"step\":5,\"loss\":0.5}\n");
  EXPECT_EQ(files_.read_all(file().string() + ".1"), "\1\2\3tep\":2,\"loss\":0.5}\n");
}

TEST_F(MetricsLogTest, ATornLastLineGoesAway) {
  write_steps(0, 0, 1, 2);
  const std::string whole = files_.read_all(file());
  files_.replace(file(), whole + "{\"step\":3,\"lo");
  EXPECT_EQ(logged_progress(files_, file(), 0).step, 2);
  write_steps(9, 1, 3, 3);
  EXPECT_EQ(files_.read_all(file()), whole + "{\"step\":3,\"loss\":0.5}\n");
}

// A run's file is read in pieces, and its end is cut off where it lies: 1,000,000 lines must not cost memory or writes.
TEST_F(MetricsLogTest, ALongFileIsReadInPiecesAndCutAtItsEnd) {
  std::string text;
  for (int step = 1; step <= 60000; ++step) {
    text += base::to_line({{"step", step}, {"time", 1e9 + step}, {"loss", 0.5}, {"seconds", 2.0}}) + "\n";
    if (step % 20000 == 0) text += base::to_line({{"step", step}, {"valid_loss", 0.25}}) + "\n";
  }
  ASSERT_GT(text.size(), std::size_t{3} << 20);
  files_.replace(file(), text);
  tests::CountingFileSystem counting;
  const LoggedProgress progress = logged_progress(counting, file(), 59990);
  EXPECT_EQ(progress.step, 60000);
  EXPECT_EQ(progress.time, 1e9 + 60000);
  EXPECT_EQ(progress.seconds_after, 20.0);
  EXPECT_EQ(logged_step(counting, file()), 60000);
  EXPECT_LE(counting.counts().bytes_read, 4u * 65536) << "only the end";
  counting.reset();
  const MetricsLog log(counting, file(), {.last_step = 59990}, 3);
  EXPECT_EQ(log.validations().back().step, 40000);
  EXPECT_LE(counting.counts().largest_read, std::size_t{1} << 20);
  EXPECT_LE(counting.counts().bytes_read, 2 * text.size());
  EXPECT_LE(counting.counts().bytes_written, 2000u) << "ten lines and one";
  EXPECT_EQ(std::filesystem::file_size(file()) + std::filesystem::file_size(file().string() + ".3"), text.size());
}

TEST_F(MetricsLogTest, KnowsTheValidationsOfTheLinesThatStay) {
  files_.replace(
      file(),
      "{\"step\":1,\"loss\":1}\n{\"step\":1,\"valid_loss\":2.25}\n{\"step\":2,\"valid_loss\":null}\n"
      "{\"step\":3,\"valid_loss\":1e999}\n{\"step\":4,\"valid_loss\":\"low\"}\n{\"step\":5,\"valid_loss\":2}\n"
      "{\"step\":6,\"valid_loss\":1}\n");
  const MetricsLog log(files_, file(), {.last_step = 5}, 1);
  std::vector<std::int64_t> steps;
  for (const Validation& validation : log.validations()) steps.push_back(validation.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(log.validations().front().loss, 2.25);
  for (const std::size_t strange : {1, 2, 3}) EXPECT_TRUE(std::isnan(log.validations()[strange].loss)) << strange;
  EXPECT_EQ(log.validations().back().loss, 2);
}

TEST_F(MetricsLogTest, OfAProgramWhatTellsNoStepStays) {
  files_.replace(file(), "{\"steps\": 9}\nnoise\n{\"step\": 4}\n{\"step\": 6}\n{\"torn");
  { const MetricsLog log(files_, file(), {.last_step = 5, .without_step = true}, 1); }
  EXPECT_EQ(files_.read_all(file()), "{\"steps\": 9}\nnoise\n{\"step\": 4}\n");
}

TEST_F(MetricsLogTest, WhereAllLinesStayNothingIsWritten) {
  write_steps(0, 0, 1, 4);
  tests::CountingFileSystem counting;
  { const MetricsLog log(counting, file(), {.last_step = 4}, 1); }
  EXPECT_EQ(counting.counts().bytes_written, 0u);
  EXPECT_FALSE(files_.exists(file().string() + ".1"));
}

TEST_F(MetricsLogTest, WhatIsTooLongForALineMovesAwayAlone) {
  const std::string long_line(std::size_t{3} << 20, 'x');
  files_.replace(file(), "{\"step\":1,\"loss\":1}\n" + long_line + "\n{\"step\":2,\"loss\":1}\n");
  { const MetricsLog log(files_, file(), {.last_step = 9}, 1); }
  EXPECT_EQ(files_.read_all(file()), "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":1}\n");
  EXPECT_EQ(files_.read_all(file().string() + ".1"), long_line + "\n");
}

TEST(MetricsLine, IsReadAsTheJsonLibraryReadsIt) {
  for (const char* text : {"{\"step\":12}",
                           "{\"step\":1,\"loss\":-1.5e-07,\"lr\":0}",
                           "{\"step\":3,\"valid_loss\":2.5}",
                           "{\"step\":01}",
                           "{\"step\":1.5}",
                           "{\"step\":-0}",
                           "{\"step\":-3}",
                           "{\"step\":1,\"a\":01}",
                           "{\"step\":1,\"a\":1.}",
                           "{\"step\":1,\"a\":.5}",
                           "{\"step\":1,\"a\":\"x\"}",
                           "{\"step\":1,\"a\":[1]}",
                           "{\"step\":1,}",
                           "{\"step\":1}}",
                           "{\"step\":1",
                           "{\"step\":99999999999999999999}",
                           "{\"a\":1,\"step\":2}",
                           " {\"step\":1}",
                           "{\"step\":\"1\"}",
                           "{\"step\":1,\"a\":1e}",
                           "{\"step\":1,\"a\":--1}",
                           "{\"step\":1,\"a\":nan}",
                           "",
                           "[]",
                           "{}"}) {
    const base::Json json = base::Json::parse(text, nullptr, false);
    const bool good = json.is_object() && json.contains("step") && json["step"].is_number_integer();
    const auto line = read_metrics_line(text);
    ASSERT_EQ(line.has_value(), good) << text;
    if (!good) continue;
    EXPECT_EQ(line->step, json["step"].get<std::int64_t>()) << text;
    EXPECT_EQ(line->validated, json.contains("valid_loss")) << text;
  }
}

}  // namespace
}  // namespace trireme::launcher
