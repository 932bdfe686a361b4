#include "launcher/report/run_metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

class RunMetricsTest : public ::testing::Test {
 protected:
  RunMetrics read(const std::string& text, const std::vector<double>& starts = {}) {
    base::PosixFileSystem files;
    files.replace(directory_.path() / "metrics.jsonl", text);
    return read_metrics(files, directory_.path() / "metrics.jsonl", starts, 1000);
  }
  static const Curve* curve(const RunMetrics& metrics, const std::string& field) {
    const auto found = std::ranges::find(metrics.curves, field, &NamedCurve::field);
    return found == metrics.curves.end() ? nullptr : &found->curve;
  }

  tests::TemporaryDirectory directory_;
};

TEST_F(RunMetricsTest, MakesACurveOfEveryNumericField) {
  const auto metrics = read(
      "{\"step\":1,\"loss\":2.5,\"name\":\"x\",\"ok\":true,\"list\":[1,{\"step\":9}],\"time\":2e9}\n"
      "{\"step\":2,\"valid_loss\":3,\"tokens\":64}\n"
      "{\"loss\":2.25,\"step\":3}\n");
  ASSERT_EQ(metrics.curves.size(), 2U);
  EXPECT_EQ(curve(metrics, "loss")->points(), (std::vector<CurvePoint>{{1, 2.5}, {3, 2.25}}));
  EXPECT_EQ(curve(metrics, "valid_loss")->points(), (std::vector<CurvePoint>{{2, 3.0}}));
  EXPECT_EQ(metrics.lines, 3U);
  EXPECT_EQ(metrics.damaged, 0U);
}

TEST_F(RunMetricsTest, PassesOverWhatIsDamagedOrTorn) {
  const auto metrics = read(
      "{\"step\":1,\"loss\":1}\n"
      "{\"step\":2,\"loss\":\n"
      "[1,2]\n"
      "\xff\xfe\n"
      "\n"
      "{\"step\":3,\"loss\":3} x\n"
      "{\"step\":4,\"loss\":4}\r\n"
      "{\"step\":5,\"loss\":5}");
  EXPECT_EQ(curve(metrics, "loss")->points(), (std::vector<CurvePoint>{{1, 1.0}, {4, 4.0}}));
  EXPECT_EQ(metrics.damaged, 4U);
  EXPECT_EQ(metrics.lines, 6U);
}

TEST_F(RunMetricsTest, TakesWhatPythonWritesForNoNumber) {
  const auto metrics = read(
      "{\"step\": 1, \"loss\": NaN}\n{\"step\": 2, \"loss\": -Infinity}\n{\"step\": 3, \"loss\": 1e999}\n"
      "{\"step\": 4, \"loss\": null}\n{\"step\": 5, \"loss\": 1.5}\n");
  EXPECT_EQ(curve(metrics, "loss")->gaps(), 4U);
  EXPECT_EQ(curve(metrics, "loss")->count(), 1U);
  EXPECT_EQ(metrics.damaged, 0U);
}

TEST_F(RunMetricsTest, TakesWhatTriremeWritesForNoNumber) {
  const auto metrics = read("{\"step\":1,\"loss\":\"nan\"}\n{\"step\":2,\"loss\":\"-inf\",\"name\":\"lr\"}\n");
  EXPECT_EQ(curve(metrics, "loss")->gaps(), 2U);
  EXPECT_EQ(curve(metrics, "name"), nullptr);
}

TEST_F(RunMetricsTest, TheLastOfSeveralValuesOfAStepCounts) {
  const auto metrics =
      read("{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":9}\n{\"step\":2,\"loss\":2}\n{\"accuracy\":0.5}\n");
  EXPECT_EQ(curve(metrics, "loss")->points(), (std::vector<CurvePoint>{{1, 1.0}, {2, 2.0}}));
  EXPECT_EQ(curve(metrics, "accuracy")->points(), (std::vector<CurvePoint>{{2, 0.5}}));
}

TEST_F(RunMetricsTest, LinesWhoseStepIsNoneAreDamaged) {
  const auto metrics = read(
      "{\"step\":-5,\"a\":1}\n{\"step\":1e300,\"a\":2}\n{\"step\":\"7\",\"a\":3}\n{\"step\":10.0,\"a\":4}\n"
      "{\"a\":5}\n{\"step\":11.5,\"a\":6}\n");
  EXPECT_EQ(curve(metrics, "a")->points(), (std::vector<CurvePoint>{{10, 5.0}}));
  EXPECT_EQ(metrics.damaged, 4U);
}

TEST_F(RunMetricsTest, LinesBeforeTheFirstStepArePassedOver) {
  const auto metrics = read("{\"a\":1,\"sample_text\":\"x\"}\n{\"step\":3}\n{\"a\":2}\n");
  EXPECT_EQ(curve(metrics, "a")->points(), (std::vector<CurvePoint>{{3, 2.0}}));
  EXPECT_TRUE(metrics.samples.empty());
  EXPECT_EQ(metrics.damaged, 0U);
}

TEST_F(RunMetricsTest, HoursLeaveOutTheTimeBetweenAttempts) {
  const auto metrics = read(
      "{\"step\":1,\"tokens\":64,\"time\":2000001000}\n{\"step\":2,\"tokens\":128,\"time\":2000004600}\n"
      "{\"step\":2,\"valid_loss\":1,\"time\":2000004700}\n{\"step\":3,\"tokens\":192,\"time\":2000093600}\n",
      {2000001000, 2000090000});
  std::string json;
  metrics.positions.append_to(json);
  EXPECT_EQ(json, R"({"steps":[1,2,3],"tokens":[64.0,128.0,192.0],"hours":[0.0,1.0,2.0]})");
}

TEST_F(RunMetricsTest, AProgramsFieldsMeanWhatItLikes) {
  base::PosixFileSystem files;
  const auto path = directory_.path() / "metrics.jsonl";
  files.replace(path, "{\"step\":1,\"steps\":9,\"time\":0.5,\"tokens\":7,\"seconds\":2,\"samples\":3}\n");
  const auto metrics = read_metrics(files, path, {}, 10, MetricsWriter::kProgram);
  for (const char* field : {"time", "tokens", "seconds", "samples"}) EXPECT_NE(curve(metrics, field), nullptr) << field;
  EXPECT_EQ(metrics.curves.size(), 4U);
  EXPECT_TRUE(metrics.step_times.empty());
  std::string json;
  metrics.positions.append_to(json);
  EXPECT_EQ(json, R"({"steps":[1],"tokens":[7.0]})") << "its tokens are an axis, its time is none";
}

TEST_F(RunMetricsTest, TokensThatBecomeFewerAreNoAxis) {
  std::string json;
  read("{\"step\":1,\"tokens\":7}\n{\"step\":2,\"tokens\":3}\n").positions.append_to(json);
  EXPECT_EQ(json, R"({"steps":[1,2]})");
}

TEST_F(RunMetricsTest, SamplesAreKeptAsText) {
  const auto metrics = read(
      "{\"step\":5,\"sample_prompt\":\"In the\",\"sample_text\":\"</script>\\u202e\\nx\"}\n"
      "{\"step\":5,\"sample_prompt\":\"In the\",\"sample_text\":\"again\"}\n"
      "{\"step\":6,\"sample_prompt\":\"b\",\"sample_text\":\"" +
      std::string(5000, 'y') + "\"}\n");
  ASSERT_EQ(metrics.samples.size(), 2U);
  EXPECT_EQ(metrics.samples[0].text, "again");
  EXPECT_EQ(metrics.samples[1].text.size(), kLongestSample + std::string(" …").size());
  EXPECT_EQ(read("{\"step\":5,\"sample_text\":\"</script>\\u202e\\nx\"}\n").samples[0].text, "</script>\\u{202E}\nx");
}

TEST_F(RunMetricsTest, ManySamplesAreThinnedEvenly) {
  std::string text;
  for (int step = 1; step <= 1000; ++step) {
    text += base::str("{\"step\":", step, ",\"sample_prompt\":\"p\",\"sample_text\":\"t\"}\n");
  }
  const auto metrics = read(text);
  EXPECT_LE(metrics.samples.size(), kMostSamples);
  EXPECT_GE(metrics.samples.size(), kMostSamples / 3);
  EXPECT_EQ(metrics.samples.front().step, 1);
  EXPECT_EQ(metrics.samples.back().step, 1000);
}

TEST_F(RunMetricsTest, FieldsBeyondTheMostAreCounted) {
  std::string line = "{\"step\":1";
  for (int i = 0; i < 300; ++i) line += base::str(",\"f", i, "\":", i);
  const auto metrics = read(line + "}\n");
  EXPECT_EQ(metrics.curves.size(), kMostFields - 1);  // the step is one of the fields
  EXPECT_EQ(metrics.dropped_fields, 101U);
}

TEST_F(RunMetricsTest, WhatThePageNeedsKeepsItsPlace) {
  std::string line = "{\"step\":1";
  for (int i = 0; i < 300; ++i) line += base::str(",\"f", i, "\":", i);
  const auto metrics =
      read(line + "}\n{\"step\":2,\"loss\":4,\"valid_loss\":5,\"tokens\":6,\"time\":2e9,\"seconds\":0.5}\n");
  ASSERT_TRUE(curve(metrics, "loss") && curve(metrics, "valid_loss") && !metrics.step_times.empty());
  EXPECT_EQ(curve(metrics, "loss")->points(), (std::vector<CurvePoint>{{2, 4.0}}));
  EXPECT_EQ(curve(metrics, "valid_loss")->points(), (std::vector<CurvePoint>{{2, 5.0}}));
  EXPECT_EQ(metrics.step_times.whole().p50, 0.5);
  std::string json;
  metrics.positions.append_to(json);
  EXPECT_EQ(json, R"({"steps":[1,2],"tokens":[0.0,6.0],"hours":[0.0,0.0]})");
}

TEST_F(RunMetricsTest, FieldsWithLongNamesAreCounted) {
  std::string line = "{\"step\":1";
  for (int i = 0; i < 300; ++i) line += base::str(",\"", std::string(kLongestField, 'f'), i, "\":", i);
  const auto metrics = read(line + ",\"" + std::string(kLongestField, 'g') + "\":1}\n");
  EXPECT_EQ(metrics.dropped_fields, 300U);
  EXPECT_EQ(metrics.curves.size(), 1U);
}

TEST_F(RunMetricsTest, TheLongestSavesAreKept) {
  std::string text;
  for (int i = 1; i < static_cast<int>(2 * kMostSaves); ++i) {
    text += base::str("{\"step\":", i, ",\"time\":", 2000000000 + i, ",\"saving_seconds\":", i, "}\n");
  }
  const auto metrics = read(text);
  EXPECT_EQ(metrics.saves.size(), kMostSaves);
  EXPECT_EQ(std::ranges::min_element(metrics.saves, {}, &SaveMark::seconds)->seconds, kMostSaves);
}

TEST_F(RunMetricsTest, LinesThatAreTooLongAreDamaged) {
  const std::string text = "{\"step\":1,\"loss\":1}\n" + std::string(9 << 20, 'x') + "\n" + std::string(3 << 20, 'x') +
                           "\n{\"step\":2,\"loss\":2}\n";
  const auto metrics = read(text);
  EXPECT_EQ(metrics.damaged, 2U);
  EXPECT_EQ(metrics.lines, 4U);
  EXPECT_EQ(curve(metrics, "loss")->count(), 2U);
}

TEST_F(RunMetricsTest, AMissingFileHasNoLines) {
  base::PosixFileSystem files;
  EXPECT_EQ(read_metrics(files, directory_.path() / "none", {}, 10).lines, 0U);
}

TEST_F(RunMetricsTest, ALinkIsRefused) {
  base::PosixFileSystem files;
  files.create_symlink("/etc/passwd", directory_.path() / "metrics.jsonl");
  EXPECT_THROW(read_metrics(files, directory_.path() / "metrics.jsonl", {}, 10), base::InputError);
}

TEST(StepTimes, PercentilesAreNearestRanks) {
  StepTimes times;
  for (int step = 1; step <= 1000; ++step) times.add(step, step);
  EXPECT_EQ(times.whole().p50, 500);
  EXPECT_EQ(times.whole().p90, 900);
  EXPECT_EQ(times.whole().p99, 990);
  const auto windows = times.windows();
  ASSERT_EQ(windows.size(), 50U);  // of 20 steps
  EXPECT_EQ(windows[0].step, 20);
  EXPECT_EQ(windows[0].seconds.p50, 10);
  EXPECT_EQ(windows[0].seconds.p99, 20);
  EXPECT_EQ(windows[49].step, 1000);
}

TEST(StepTimes, GoBackWithTheRun) {
  StepTimes times;
  for (int step = 1; step <= 10; ++step) times.add(step, 100);
  for (int step = 2; step <= 10; ++step) times.add(step, 1);
  EXPECT_EQ(times.whole().p50, 1);
  EXPECT_EQ(times.windows().size(), 1U);
}

}  // namespace
}  // namespace trireme::launcher
