#include "launcher/usage/usage_text.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "base/display_width.hpp"

namespace trireme::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

UsageReport sample() {
  UsageReport report;
  report.window = {1'790'000'000, 1'790'086'400};
  report.runs = 3;
  UsageLine line;
  line.name = "a-person-with-a-rather-long-name";
  line.gpus = true;
  line.runs = 12;
  line.attempts = 30;
  line.time = {3600.0 * 1234567, 3600.0 * 1234, 3600 * 12.5, 3600 * 0.25};
  line.spared = 3600.0 * 99999;
  line.waits = {7200, 4};
  line.checkpoint_bytes = 27'300'000'000;
  report.people = report.projects = {line};
  report.people[0].name = "eve\x1b[2J";
  report.top = {{"people", true, 1, 4, 0.61}};
  report.jobs = {{"ada", 7, 3600, 7200, {600, 2}, 0.31}};
  return report;
}

TEST(UsageText, FitsAPageAndHasAllColumns) {
  const std::string text = usage_text(sample(), 100);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(base::display_width(line), 100U) << line;
  for (const char* word : {"1,234,567", "1,234", "12.5", "0.25", "99,999", "30m 00s", "27.3 GB", "GPU h", "100%",
                           "5m 00s", "0.310", "top 5% of people (1 of 4): 61% of the GPU h"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
  EXPECT_THAT(text, Not(HasSubstr("wider window")));
}

TEST(UsageText, NamesMoveNoCursor) {
  EXPECT_THAT(usage_text(sample(), 100), HasSubstr("eve\\x1B[2J"));
  EXPECT_THAT(usage_text(sample(), 100), Not(HasSubstr("\x1b")));
}

TEST(UsageText, WithoutRunsAndAccountingItIsALine) {
  UsageReport empty;
  empty.window = {1000, 2000};
  const std::string text = usage_text(empty, 100);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_THAT(text, HasSubstr("0 runs"));
}

TEST(UsageText, JsonHasHoursAsNumbers) {
  const base::Json json = to_json(sample());
  EXPECT_DOUBLE_EQ(json["people"][0]["used_hours"].get<double>(), 1234567);
  EXPECT_DOUBLE_EQ(json["projects"][0]["spared_hours"].get<double>(), 99999);
  EXPECT_EQ(json["people"][0]["waits"]["starts"], 4);
  EXPECT_DOUBLE_EQ(json["jobs"][0]["fair_share"].get<double>(), 0.31);
  EXPECT_DOUBLE_EQ(json["top"][0]["share"].get<double>(), 0.61);
}

}  // namespace
}  // namespace trireme::launcher
