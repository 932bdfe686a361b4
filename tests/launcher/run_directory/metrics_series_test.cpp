#include "launcher/run_directory/metrics_series.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "base/json.hpp"
#include "tests/support/counting_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::IsNan;
using Names = std::vector<std::string>;

class MetricsSeriesTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "metrics.jsonl"; }
  MetricsSeries read(const std::string& text, const Names& wanted = {}) {
    files_.replace(file(), text);
    return read_series(files_, file(), wanted);
  }
  static std::vector<std::int64_t> steps(const MetricsSeries& series, const std::string& name) {
    std::vector<std::int64_t> found;
    for (const std::uint32_t row : series.find(name)->rows) found.push_back(series.steps[row]);
    return found;
  }
  static Names names(const MetricsSeries& series) {
    Names found;
    for (const SeriesField& field : series.fields) found.push_back(field.name);
    return found;
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(MetricsSeriesTest, StepsAndValidationsAreColumnsOfTheirOwn) {
  const MetricsSeries series = read(
      "{\"step\":1,\"time\":10.5,\"tokens\":64,\"loss\":3.25,\"lr\":1e-3}\n"
      "{\"step\":2,\"time\":11.5,\"tokens\":128,\"loss\":3,\"lr\":2e-3}\n"
      "{\"step\":2,\"time\":12.0,\"valid_loss\":3.5}\n"
      "{\"step\":2,\"time\":12.5,\"sample_prompt\":\"a\",\"sample_text\":\"b\"}\n"
      "{\"step\":3,\"time\":13.5,\"tokens\":192,\"loss\":2.75,\"lr\":3e-3}\n");
  EXPECT_THAT(names(series), ElementsAre("time", "tokens", "loss", "lr", "valid_loss"));
  EXPECT_THAT(series.find("loss")->values, ElementsAre(3.25, 3.0, 2.75));
  EXPECT_THAT(steps(series, "valid_loss"), ElementsAre(2));
  const std::uint32_t validated = series.find("valid_loss")->rows.front();
  EXPECT_EQ(series.times[validated], 12.0);
  EXPECT_EQ(series.tokens[validated], 128.0) << "the tokens of the line before";
  EXPECT_EQ(series.find("sample_text"), nullptr);
  EXPECT_EQ(series.find("step"), nullptr);
}

TEST_F(MetricsSeriesTest, OnlyWantedFieldsAreRead) {
  const std::string text =
      "{\"step\":1,\"lr\":1,\"loss\":3}\n{\"step\":2,\"lr\":2}\n{\"step\":3,\"lr\":1,\"loss\":4}\n";
  const MetricsSeries series = read(text, {"loss", "step", "nothing", "loss"});
  EXPECT_THAT(names(series), ElementsAre("loss"));
  EXPECT_THAT(series.steps, ElementsAre(1, 3)) << "lines without a wanted field are no rows";
  EXPECT_THAT(series.find("loss")->values, ElementsAre(3.0, 4.0));
  EXPECT_THAT(names(read(text, {"time", "lr"})), ElementsAre("lr"));
}

TEST_F(MetricsSeriesTest, TheLastLineOfAStepCountsAndGoingBackForgets) {
  const MetricsSeries series = read(
      "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":2}\n{\"step\":3,\"loss\":3,\"lr\":7}\n"
      "{\"step\":2,\"loss\":20}\n{\"step\":2,\"loss\":21}\n{\"step\":4,\"loss\":4}\n");
  EXPECT_THAT(steps(series, "loss"), ElementsAre(1, 2, 4));
  EXPECT_THAT(series.find("loss")->values, ElementsAre(1.0, 21.0, 4.0));
  EXPECT_EQ(series.find("lr"), nullptr);
}

TEST_F(MetricsSeriesTest, WhatIsNoNumberIsAGap) {
  const MetricsSeries series = read(
      "{\"step\":1,\"loss\":NaN,\"text\":\"NaN\"}\n{\"step\":2,\"loss\":-Infinity}\n{\"step\":3,\"loss\":null}\n"
      "{\"step\":4,\"loss\":1e999}\n{\"step\":5,\"loss\":2.5}\n{\"step\":6,\"loss\":\"two\"}\n"
      "{\"step\":7,\"loss\":true}\n{\"step\":8,\"loss\":[1,{\"loss\":2}]}\n"
      "{\"step\":9,\"loss\":123456789012345678901234567890}\n{\"step\":10,\"loss\":\"nan\",\"x\":NaN}\n"
      "{\"step\":11,\"loss\":\"inf\"}\n{\"step\":12,\"loss\":\"-inf\"}\n");
  EXPECT_THAT(names(series), ElementsAre("loss", "x"));
  EXPECT_THAT(steps(series, "loss"), ElementsAre(1, 2, 3, 4, 5, 9, 10, 11, 12));
  EXPECT_THAT(series.find("loss")->values, ElementsAre(IsNan(), IsNan(), IsNan(), IsNan(), 2.5,
                                                       123456789012345678901234567890.0, IsNan(), IsNan(), IsNan()));
}

TEST_F(MetricsSeriesTest, DamagedLinesArePassedOver) {
  const MetricsSeries series = read(
      "{\"loss\":9}\n{\"step\":1,\"loss\":1}\n\n\1\2\3,\"loss\":2}\n{\"step\":2,\"lo{\"step\":2,\"loss\":2}\n"
      "{\"step\":2.5,\"loss\":2}\n{\"step\":\"2\",\"loss\":2}\n{\"step\":null,\"loss\":2}\n[2]\n2\n{\"step\":2,"
      "\"loss\":2}}\n"
      "{\"step\":2,\"loss\":2} {\"step\":2}\n{\"step\":2,\"loss\":2,}\n{\"step\":2,\"loss\":012}\n"
      "{\"step\":2,\"loss\":2\n{\"step\":9223372036854775808,\"loss\":2}\n" +
      std::string(3 << 20, ' ') +
      "{\"step\":2,\"loss\":2}\n{\"step\":2,\"\xff\":2}\n{\"step\":3,\"loss\":3}\r\n{\"step\":4,\"loss\":4}");
  EXPECT_THAT(steps(series, "loss"), ElementsAre(1, 3));
  EXPECT_EQ(series.find("loss")->values.back(), 3.0);
}

TEST_F(MetricsSeriesTest, ALineWithoutAStepBelongsToTheOneBefore) {
  const MetricsSeries series =
      read("{\"step\":5,\"time\":2}\n{\"loss\":1}\n{\"step\":6}\n{\"loss\":2,\"saved_step\":6}\n");
  EXPECT_THAT(steps(series, "loss"), ElementsAre(5, 6));
  EXPECT_EQ(series.times[series.find("loss")->rows.front()], 2.0);
  EXPECT_THAT(series.find("saved_step")->values, ElementsAre(6.0));
}

TEST_F(MetricsSeriesTest, NamesAreReadAsJsonHasThem) {
  const std::string long_name(200, 'x');
  std::string text;
  for (int step = 1; step <= 6; step += 2) {
    text +=
        base::str("{\"l\\u006fss\":1,\"step\":", step, ",\"a\\\\b\":2,\"a\\b\":3,\"\\\"\":4,\"", long_name, "\":5}\n");
    text += base::str("{\"step\":", step + 1, ",\"loss\":6,\"", long_name, "\":7}\n");
  }
  const MetricsSeries series = read(text);
  EXPECT_THAT(names(series), ElementsAre("loss", "a\\b", "a\b", "\"", long_name));
  EXPECT_THAT(series.find("loss")->values, ElementsAre(1.0, 6.0, 1.0, 6.0, 1.0, 6.0));
  EXPECT_THAT(series.find("a\b")->values, ElementsAre(3.0, 3.0, 3.0));
  EXPECT_THAT(series.find(long_name)->values, ElementsAre(5.0, 7.0, 5.0, 7.0, 5.0, 7.0));
}

TEST_F(MetricsSeriesTest, NumbersAreThoseOfTheOtherLibrary) {
  std::string text;
  std::vector<double> expected;
  std::uint64_t bits = 1;
  for (int step = 1; step <= 2000; ++step) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    const double value = std::ldexp(static_cast<double>(bits >> 11) - 4.5e15, static_cast<int>(bits % 400) - 200);
    expected.push_back(value);
    text += base::to_line({{"step", step}, {"loss", value}}) + "\n";
  }
  EXPECT_EQ(read(text).find("loss")->values, expected);
}

TEST_F(MetricsSeriesTest, AMissingFileHasNoLinesAndALinkIsRefused) {
  EXPECT_TRUE(read_series(files_, file()).steps.empty());
  EXPECT_TRUE(newest_values(files_, file(), "loss", 3).empty());
  files_.create_symlink("/etc/passwd", file());
  EXPECT_THROW(read_series(files_, file()), base::InputError);
}

TEST_F(MetricsSeriesTest, TheNewestValuesAreReadFromTheEnd) {
  std::string text = "{\"step\":1,\"loss\":1}\n";
  for (int step = 2; step <= 40000; ++step) {
    text += base::str("{\"step\":", step, ",\"loss\":", step, "}\n");
    if (step % 10 == 0) text += base::str("{\"step\":", step, ",\"valid_loss\":0}\n");
  }
  text += "{\"step\":39999,\"loss\":-1}\n{\"step\":40000,\"loss\":-2}\n{\"step\":40001,\"loss\":-3";
  files_.replace(file(), text);
  tests::CountingFileSystem counting;
  EXPECT_THAT(newest_values(counting, file(), "loss", 4), ElementsAre(39997.0, 39998.0, -1.0, -2.0));
  EXPECT_LE(counting.counts().bytes_read, 65536u);
  EXPECT_THAT(newest_values(counting, file(), "nothing", 4), ElementsAre());
  EXPECT_LE(counting.counts().bytes_read, 6u * 65536) << "no further than its limit";
}

}  // namespace
}  // namespace trireme::launcher
