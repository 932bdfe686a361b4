#include "launcher/inference/json_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JsonLinesTest : public testing::Test {
 protected:
  std::string write(const std::string& content) {
    const auto path = directory_.path() / "lines.jsonl";
    files_.replace(path, content);
    return path.string();
  }
  /// The only line of a file.
  JsonLine line_of(const std::string& content) {
    JsonLines lines(files_, write(content), {"a", "list", "n"});
    JsonLine line;
    EXPECT_TRUE(lines.next(line));
    JsonLine more;
    EXPECT_FALSE(lines.next(more));
    return line;
  }
  template <typename Act>
  std::string refusal(const Act& act) {
    try {
      act();
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  std::string refusal_of(const std::string& content) {
    return refusal([&] { line_of(content); });
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(JsonLinesTest, GiveTheWantedMembersInOrder) {
  JsonLines lines(files_, write("\xEF\xBB\xBF{\"a\": \"x\\n\\u00e9\\\"\", \"other\": [{}, NaN]}\n \r\n{\"a\":\"y\"}"),
                  {"a"});
  JsonLine line;
  ASSERT_TRUE(lines.next(line));
  EXPECT_EQ(line.text("a"), "x\n\xC3\xA9\"");
  EXPECT_THAT(line.place(), HasSubstr("lines.jsonl:1"));
  ASSERT_TRUE(lines.next(line));
  EXPECT_EQ(line.text("a"), "y");
  EXPECT_THAT(line.place(), HasSubstr("lines.jsonl:3"));
  EXPECT_FALSE(lines.next(line));
  EXPECT_FALSE(lines.next(line));
}

TEST_F(JsonLinesTest, OfTwoWithOneNameTheLastCounts) {
  const JsonLine line = line_of(R"({"a": 1, "\u0061": "last"})");
  EXPECT_EQ(line.text("a"), "last");
  EXPECT_FALSE(line.has("n"));
}

TEST_F(JsonLinesTest, ListsHoldStrings) {
  EXPECT_THAT(line_of(R"({"list": [ "x" , "a\",]b\\" ,""]})").texts("list"), ElementsAre("x", "a\",]b\\", ""));
  EXPECT_THAT(line_of(R"({"list": [ ]})").texts("list"), IsEmpty());
  for (const char* list : {"[1]", "[\"a\", [\"b\"]]", "\"a\"", "{}", "null"}) {
    const JsonLine line = line_of(std::string("{\"list\": ") + list + "}");
    EXPECT_THAT(refusal([&] { line.texts("list"); }), HasSubstr("lines.jsonl:1: \"list\" is not a list of strings"))
        << list;
  }
}

TEST_F(JsonLinesTest, JsonIsPassedOnAsItIsSpelled) {
  EXPECT_EQ(line_of("{\"a\": {\"x\": 1.50,\t\"x\": 123456789012345678901}}").json("a"),
            R"({"x": 1.50, "x": 123456789012345678901})");
  EXPECT_EQ(line_of(R"({"a": "]["})").json("a"), R"("][")");
}

TEST_F(JsonLinesTest, JsonThatIsAskedForIsNotTooDeep) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\": " + std::string(depth, '[') + "\"[\\\"[\"" + std::string(depth, ']') +
           ", \"other\": " + std::string(1000, '[') + std::string(1000, ']') + "}";
  };
  EXPECT_THAT(line_of(nested(JsonLine::kDeepest)).json("a"), HasSubstr("[[["));
  const JsonLine deep = line_of(nested(JsonLine::kDeepest + 1));
  EXPECT_THAT(refusal([&] { deep.json("a"); }), HasSubstr("lines.jsonl:1: \"a\" has more than 128 brackets"));
}

TEST_F(JsonLinesTest, NumbersAreWhole) {
  EXPECT_EQ(line_of(R"({"n": -7})").integer("n"), -7);
  for (const char* number : {"1.5", "1e3", "99999999999999999999", "\"1\"", "true"}) {
    const JsonLine line = line_of(std::string("{\"n\": ") + number + "}");
    EXPECT_THAT(refusal([&] { line.integer("n"); }), HasSubstr("\"n\" is not a whole number")) << number;
  }
}

TEST_F(JsonLinesTest, AMemberPassesThroughAsStrictJson) {
  EXPECT_EQ(line_of(R"({"a": {"x": [1, "é"]}})").json("a"), R"({"x": [1, "é"]})");
  EXPECT_EQ(line_of(R"({"a": NaN})").json("a"), "null");
  EXPECT_EQ(line_of("{}").json("a"), "");
}

TEST_F(JsonLinesTest, RefusesWhatIsNoObjectOfText) {
  EXPECT_THAT(refusal_of("{\"a\": 1"), HasSubstr("lines.jsonl:1: the line is not valid JSON"));
  EXPECT_THAT(refusal_of("\n[1]"), HasSubstr("lines.jsonl:2: the line is not a JSON object"));
  EXPECT_THAT(refusal_of("{\"a\": \"\xFF\"}"), HasSubstr("the line is not valid UTF-8"));
  const JsonLine line = line_of(R"({"a": 1, "n": "\ud800"})");
  EXPECT_THAT(refusal([&] { line.text("a"); }), HasSubstr("\"a\" is not a string"));
  EXPECT_THAT(refusal([&] { line.text("list"); }), HasSubstr("there is no member \"list\""));
  EXPECT_THAT(refusal([&] { line.text("n"); }), HasSubstr("half of a surrogate pair"));
}

TEST_F(JsonLinesTest, DeepAndLongLinesTakeLittle) {
  const std::string deep(200'000, '[');
  EXPECT_THAT(refusal_of("{\"a\": " + deep + "}"), HasSubstr("not valid JSON"));
  const JsonLine line = line_of("{\"x\": " + deep + std::string(200'000, ']') + ", \"a\": \"y\"}");
  EXPECT_EQ(line.text("a"), "y");
  const std::string longest(JsonLines::kLongestLine, ' ');
  EXPECT_THAT(refusal_of("{}\n" + longest + " \n"), HasSubstr("lines.jsonl:2: the line is longer than 64 MiB"));
  EXPECT_EQ(line_of("{\"a\": \"y\"}\n" + longest).text("a"), "y");
}

TEST_F(JsonLinesTest, RefusesFilesThatCannotBeRead) {
  EXPECT_THAT(refusal([&] { JsonLines(files_, directory_.path() / "none.jsonl", {"a"}); }), HasSubstr("none.jsonl"));
  EXPECT_THAT(refusal([&] { JsonLines(files_, directory_.path().string(), {"a"}); }), HasSubstr("directory"));
}

}  // namespace
}  // namespace trireme::launcher
