#include "launcher/run_directory/line_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/lines.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using Pairs = std::vector<std::pair<std::string, std::optional<double>>>;  // nothing: a gap

constexpr auto kGap = std::nullopt;

Pairs pairs(const LineValues& line) {
  Pairs all;
  for (const LineValues::Value& value : line.values()) {
    all.emplace_back(line.fields()[value.field], std::isnan(value.number) ? kGap : std::optional(value.number));
  }
  return all;
}

// The values of an object's members; nothing for a damaged line. The line is also read with a NaN at its end, which
// only the slow library takes: both must say the same.
std::optional<Pairs> read(const std::string& members) {
  LineValues fast, slow;
  const bool good = fast.read("{" + members + "}");
  EXPECT_EQ(slow.read("{" + members + ",\"end\":NaN}"), good) << members;
  if (!good) return std::nullopt;
  Pairs expected = pairs(fast);
  expected.emplace_back("end", kGap);
  EXPECT_EQ(pairs(slow), expected) << members;
  EXPECT_EQ(fast.step(), slow.step()) << members;
  return pairs(fast);
}

std::optional<std::int64_t> step_of(const std::string& step) {
  LineValues line;
  return line.read("{\"a\":1,\"step\":" + step + "}") ? line.step() : std::nullopt;
}

TEST(LineValuesTest, ValuesStandInTheOrderOfTheLine) {
  EXPECT_EQ(read("\"step\":3,\"loss\":2.5,\"lr\":1e-3"), (Pairs{{"step", 3}, {"loss", 2.5}, {"lr", 1e-3}}));
  EXPECT_EQ(read("\"lr\":-1,\"a\\u0062\":18446744073709551615,\"step\":3"),
            (Pairs{{"lr", -1}, {"ab", 18446744073709551615.0}, {"step", 3}}));
}

TEST(LineValuesTest, FieldsKeepTheirIndices) {
  LineValues line;
  ASSERT_TRUE(line.read("{\"step\":1,\"a\":1,\"b\":2,\"c\":3}"));
  ASSERT_TRUE(line.read("{\"c\":4,\"a\":5,\"step\":2,\"d\":6}"));
  EXPECT_THAT(line.fields(), ElementsAre("step", "a", "b", "c", "d"));
  EXPECT_EQ(pairs(line), (Pairs{{"c", 4}, {"a", 5}, {"step", 2}, {"d", 6}}));
  EXPECT_EQ(line.fields()[LineValues::kStep], "step");
}

TEST(LineValuesTest, WhatIsNotFiniteIsAGapAndWhatIsNoNumberIsLeftOut) {
  EXPECT_EQ(read("\"a\":null,\"b\":\"nan\",\"c\":\"inf\",\"d\":\"-inf\""),
            (Pairs{{"a", kGap}, {"b", kGap}, {"c", kGap}, {"d", kGap}}));
  EXPECT_EQ(read("\"a\":\"NaN\",\"b\":true,\"c\":[1,{\"a\":1}],\"d\":{\"a\":1},\"e\":\"1\""), Pairs());
  LineValues line;
  ASSERT_TRUE(line.read("{\"a\":NaN,\"b\":-Infinity,\"c\":Infinity,\"d\":1e999,\"e\":123456789012345678901234567890}"));
  EXPECT_EQ(pairs(line),
            (Pairs{{"a", kGap}, {"b", kGap}, {"c", kGap}, {"d", kGap}, {"e", 123456789012345678901234567890.0}}));
}

TEST(LineValuesTest, TheLastOfSeveralValuesWithOneNameCounts) {
  EXPECT_EQ(read("\"a\":1,\"b\":2,\"a\":3"), (Pairs{{"a", 3}, {"b", 2}}));
  EXPECT_EQ(read("\"a\":1,\"a\":null"), (Pairs{{"a", kGap}}));
  EXPECT_EQ(read("\"a\":1,\"b\":2,\"a\":\"x\""), (Pairs{{"b", 2}}));
  EXPECT_EQ(read("\"a\":\"x\",\"a\":[],\"a\":1"), (Pairs{{"a", 1}}));
  EXPECT_EQ(read("\"step\":1,\"step\":2"), (Pairs{{"step", 2}}));
  EXPECT_EQ(read("\"step\":1,\"step\":\"2\""), std::nullopt);
}

TEST(LineValuesTest, AStepIsAWholeNumber) {
  EXPECT_EQ(step_of("0"), 0);
  EXPECT_EQ(step_of("10.0"), 10);
  EXPECT_EQ(step_of("9007199254740992"), std::int64_t{1} << 53);
  for (const char* bad :
       {"-1", "2.5", "1e300", "9223372036854775808", "null", "NaN", "\"2\"", "\"nan\"", "true", "[2]"}) {
    LineValues line;
    EXPECT_FALSE(line.read(std::string("{\"loss\":1,\"step\":") + bad + "}")) << bad;
  }
  LineValues line;
  ASSERT_TRUE(line.read("{\"step\":1}"));
  ASSERT_TRUE(line.read("{\"loss\":1}"));
  EXPECT_EQ(line.step(), std::nullopt) << "the step of the line before";
}

TEST(LineValuesTest, DamagedLinesAreNone) {
  LineValues line;
  for (const char* text : {"", " ", "1", "[1]", "{", "{\"a\":1", "{\"a\":1}}", "{\"a\":1} {}", "{\"a\":1,}",
                           "{\"a\":01}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", "{a:1}", "{\"a\":nan}", "{\"a\":1\1}"}) {
    EXPECT_FALSE(line.read(text)) << text;
  }
  const std::string longest = "{\"a\":1}" + std::string(base::kLongestLine - 7, ' ');
  EXPECT_TRUE(line.read(longest));
  EXPECT_FALSE(line.read(longest + " "));
  EXPECT_TRUE(line.read("{\"a\":1}\r"));
}

TEST(LineValuesTest, TextsAreTold) {
  LineValues line;
  ASSERT_TRUE(line.read("{\"a\":\"nan\"}"));
  EXPECT_FALSE(line.has_text());
  ASSERT_TRUE(line.read("{\"a\":\"one\"}"));
  EXPECT_TRUE(line.has_text());
  ASSERT_TRUE(line.read("{\"a\":1}"));
  EXPECT_FALSE(line.has_text());
}

TEST(LineValuesTest, NamesBeyondTheMostAreCounted) {
  LineValues line(LineValues::Limits{.most_fields = 3});
  ASSERT_TRUE(line.read("{\"a\":1,\"b\":2,\"c\":3,\"step\":4}"));
  ASSERT_TRUE(line.read("{\"c\":1,\"b\":2}"));
  EXPECT_EQ(pairs(line), (Pairs{{"b", 2}}));
  EXPECT_EQ(line.dropped(), 2U);
  EXPECT_THAT(line.fields(), ElementsAre("step", "a", "b"));
}

TEST(LineValuesTest, KeptNamesHaveAPlaceBesideTheOthers) {
  LineValues line(LineValues::Limits{.most_fields = 2, .longest_name = 3, .kept = {"loss", "step"}});
  ASSERT_TRUE(line.read("{\"a\":1,\"b\":2,\"loss\":3,\"long\":4,\"step\":5}"));
  EXPECT_EQ(pairs(line), (Pairs{{"a", 1}, {"loss", 3}, {"step", 5}}));
  EXPECT_EQ(line.dropped(), 2U);
  EXPECT_THAT(line.fields(), ElementsAre("step", "loss", "a"));
}

}  // namespace
}  // namespace trireme::launcher
