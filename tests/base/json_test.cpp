#include "base/json.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.hpp"

namespace trireme::base {
namespace {

TEST(ToLine, WritesDoublesThatReadBackToTheSameBits) {
  const double value = 0.1 + 0.2;
  const std::string line = to_line(Json{{"loss", value}});
  EXPECT_EQ(line, "{\"loss\":0.30000000000000004}");
  EXPECT_EQ(Json::parse(line)["loss"].get<double>(), value);
}

TEST(WholeNumber, TakesWhatFits64BitsAndNothingElse) {
  for (const char* good : {"0", "-3", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(std::to_string(whole_number(Json::parse(good))), good);
  }
  for (const char* bad : {"1.5", "2e49", "9223372036854775808", "\"1\"", "null", "true", "[1]"}) {
    EXPECT_THROW(whole_number(Json::parse(bad)), Error) << bad;
  }
}

TEST(ToLine, KeepsWholeDoublesDoubles) { EXPECT_EQ(to_line(Json{{"a", 2.0}, {"b", 2}}), "{\"a\":2.0,\"b\":2}"); }

TEST(ToLine, BytesThatAreNoTextAreReplacedInKeysToo) {
  EXPECT_EQ(Json::parse(to_line(Json{{"a\xff", "b\xff"}})), (Json{{"a\ufffd", "b\ufffd"}}));
}

TEST(ToLine, NonFiniteValuesStayValidJson) {
  const std::string line = to_line(Json{{"loss", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(Json::parse(line)["loss"], "nan");
}

}  // namespace
}  // namespace trireme::base
