#include "launcher/attempt/step_log.hpp"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

namespace trireme::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

class Lines final : public RunKeeper {
 public:
  void append_metrics(const base::Json& line) override { lines.push_back(line); }
  std::vector<base::Json> lines;
};

class StepLogTest : public testing::Test {
 protected:
  ~StepLogTest() override { std::fclose(stream_); }

  /// A step of so many seconds; the run has 100.
  void step(std::int64_t step, double seconds) {
    StepReport report;
    report.step = step;
    report.steps = 100;
    report.loss = 2.5;
    report.seconds = seconds;
    log_.done({step, static_cast<std::uint64_t>(8 * step), 0, {}, {}}, report, times_);
  }
  std::string printed() {
    std::string text;
    std::rewind(stream_);
    for (int c; (c = std::fgetc(stream_)) != EOF;) text += static_cast<char>(c);
    return text;
  }

  std::FILE* stream_ = std::tmpfile();
  Lines keeper_;
  StepTimes times_;
  StepLog log_{keeper_, 16, stream_, 1, base::Log(stream_)};
};

TEST_F(StepLogTest, AStepIsALineOfTheMetricsAndOneForPeople) {
  step(3, 0.5);
  ASSERT_EQ(keeper_.lines.size(), 1U);
  EXPECT_EQ(keeper_.lines[0].at("step"), 3);
  EXPECT_EQ(keeper_.lines[0].at("samples"), 24);
  EXPECT_EQ(keeper_.lines[0].at("tokens"), 24 * 16);
  EXPECT_EQ(keeper_.lines[0].at("seconds"), 0.5);
  EXPECT_FALSE(keeper_.lines[0].contains("peak_share"));
  EXPECT_FALSE(keeper_.lines[0].contains("exposed_communication_seconds"));
  EXPECT_FALSE(keeper_.lines[0].contains("device_memory_bytes"));
  EXPECT_THAT(printed(), HasSubstr("loss 2.5000"));
}

TEST_F(StepLogTest, WhereTheTimeWentIsLogged) {
  times_ = {.data_wait = 0.1,
            .compute = 0.2,
            .exposed_communication = 0.3,
            .saving = 0.4,
            .slowest_rank = 5,
            .slowest_compute = 0.25,
            .host_memory = 1000,
            .device_memory = 2000};
  step(3, 1.0);
  const base::Json& line = keeper_.lines.at(0);
  EXPECT_EQ(line.at("data_wait_seconds"), 0.1);
  EXPECT_EQ(line.at("compute_seconds"), 0.2);
  EXPECT_EQ(line.at("exposed_communication_seconds"), 0.3);
  EXPECT_EQ(line.at("saving_seconds"), 0.4);
  EXPECT_EQ(line.at("slowest_rank"), 5);
  EXPECT_EQ(line.at("slowest_rank_compute_seconds"), 0.25);
  EXPECT_EQ(line.at("host_memory_bytes"), 1000);
  EXPECT_EQ(line.at("device_memory_bytes"), 2000);
}

TEST_F(StepLogTest, ASampleIsALineOfTheMetrics) {
  log_.sampled(7, "Once", " upon a time");
  EXPECT_EQ(keeper_.lines.at(0).at("sample_prompt"), "Once");
  EXPECT_EQ(keeper_.lines.at(0).at("sample_text"), " upon a time");
  EXPECT_EQ(keeper_.lines.at(0).at("step"), 7);
}

TEST_F(StepLogTest, TheFirstStepTellsNothingOfTheTimeLeft) {
  step(1, 60);
  step(2, 1);
  EXPECT_THAT(printed(), HasSubstr("eta 1m 38s"));
  step(3, 1);
  EXPECT_THAT(printed(), HasSubstr("expected  about 1m 37s for the 97 steps left, at 1.0 s a step"));
}

TEST_F(StepLogTest, WhatIsExpectedIsNotSaidShortBeforeTheEnd) {
  for (const std::int64_t number : {95, 96, 97}) step(number, 1);
  EXPECT_THAT(printed(), Not(HasSubstr("expected")));
}

TEST_F(StepLogTest, AStepWithoutTargetsHasNoLoss) {
  log_.skipped({5, 40, 2});
  EXPECT_EQ(keeper_.lines.at(0).at("skipped_steps"), 2);
  EXPECT_FALSE(keeper_.lines[0].contains("loss"));
  EXPECT_EQ(printed(), "");
}

TEST_F(StepLogTest, AValidationIsALineOfEachKind) {
  log_.validated(20, 0.0, 64);
  EXPECT_EQ(keeper_.lines.at(0).at("valid_loss"), 0.0);
  EXPECT_EQ(keeper_.lines[0].at("valid_tokens"), 64);
  EXPECT_EQ(printed(), "step 20  validation loss 0.0000  perplexity 1.00  (64 tokens)\n");
}

}  // namespace
}  // namespace trireme::launcher
