#include "io/tokens/cursor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Cursor example() {
  Cursor cursor{{"aa", "bb"}, {7, 3}, 256, 0xFFFFFFFFFFFFFFFFULL, 123456789012345ULL, {}};
  cursor.skipped.add({24, 27});
  cursor.skipped.add({123456789012350ULL, 123456789012350ULL});
  return cursor;
}

std::string refusal(const Cursor& now) {
  try {
    check_resumable(example(), now);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Cursor, SurvivesJson) {
  EXPECT_EQ(cursor_from_json(base::Json::parse(base::to_line(to_json(example())))), example());
}

TEST(Cursor, OneOfBeforeSkippingSkipsNothing) {
  auto json = to_json(example());
  json.erase("skipped");
  EXPECT_TRUE(cursor_from_json(json).skipped.empty());
}

TEST(Cursor, TheOrderIsNamedByTheDataNotByThePosition) {
  auto further = example();
  further.consumed_samples += 8;
  further.skipped.add({90, 91});
  EXPECT_EQ(order_id(further), order_id(example()));
  EXPECT_EQ(order_id(further).size(), 16U);
  auto other = example();
  other.seed = 5;
  EXPECT_NE(order_id(other), order_id(example()));
}

TEST(Cursor, DamagedJsonIsAnError) {
  for (const char* ranges : {"5", "[[7]]", "[[9, 3]]", "[[-1, 3]]", "[[1, 18446744073709551615]]", "[\"4-5\"]"}) {
    auto damaged = to_json(example());
    damaged["skipped"] = base::Json::parse(ranges);
    EXPECT_THROW(cursor_from_json(damaged), base::Error) << ranges;
  }
  auto json = to_json(example());
  json.erase("seed");
  EXPECT_THROW(cursor_from_json(json), base::Error);
  json["seed"] = "x";
  EXPECT_THROW(cursor_from_json(json), base::Error);
}

TEST(Cursor, ResumingNeedsTheSameData) {
  auto now = example();
  now.consumed_samples = 0;
  EXPECT_EQ(refusal(now), "accepted");
  now.sequence = 128;
  EXPECT_THAT(refusal(now), AllOf(HasSubstr("sequence = 128"), HasSubstr("256")));
  now = example();
  now.fingerprints[1] = "cc";
  EXPECT_THAT(refusal(now), AllOf(HasSubstr("data.train"), HasSubstr("fingerprint cc"), HasSubstr("bb")));
  now = example();
  now.fingerprints.pop_back();
  EXPECT_THAT(refusal(now), HasSubstr("data.train names 1"));
  now = example();
  now.blend = {1, 1};
  EXPECT_THAT(refusal(now), AllOf(HasSubstr("1:1"), HasSubstr("7:3")));
  now.blend = {};
  EXPECT_THAT(refusal(now), AllOf(HasSubstr("the weights are none"), HasSubstr("7:3")));
  now = example();
  now.seed = 1;
  EXPECT_THAT(refusal(now), HasSubstr("run.seed"));
}

}  // namespace
}  // namespace trireme::tokens
