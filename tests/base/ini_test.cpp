#include "base/ini.hpp"

#include <gmock/gmock.h>

#include <random>

#include "base/error.hpp"
#include "tests/support/random.hpp"

namespace trireme::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string value_in(const std::string& line) {
  const auto values = parse_ini(line + "\n", "text");
  return values.size() == 1 ? values[0].second : "(no value)";
}

std::string refusal(const std::string& text) {
  try {
    parse_ini(text, "run.ini");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ParseIni, ReadsSectionsKeysAndComments) {
  EXPECT_THAT(
      parse_ini("# x = 1\n\n[run]\nname = a b \t\r\n  seed=7 # seven\n[partition.gpu]  # fast\nnodes =\n", "text"),
      ElementsAre(Pair("run.name", "a b"), Pair("run.seed", "7"), Pair("partition.gpu.nodes", "")));
  EXPECT_THAT(parse_ini("before = 1\n[a]\nx = 1\nx = y = z", "text"),
              ElementsAre(Pair("before", "1"), Pair("a.x", "1"), Pair("a.x", "y = z")));
}

TEST(ParseIni, AHashBeginsACommentOnlyAfterWhiteSpaceAndOutsideQuotes) {
  EXPECT_EQ(value_in("k = lr#1"), "lr#1");
  EXPECT_EQ(value_in("k = lr#1 # a note"), "lr#1");
  EXPECT_EQ(value_in("k = lr#1\t#2"), "lr#1");
  EXPECT_EQ(value_in("k =#1"), "#1");
  EXPECT_EQ(value_in("k = #1"), "");
  EXPECT_EQ(value_in("k = \"a #1\" # note"), "\"a #1\"");
  EXPECT_EQ(value_in("k = test $# -eq 0"), "test $# -eq 0");
  EXPECT_EQ(value_in("k = echo 'a #1' # it's one"), "echo 'a #1'");
  EXPECT_EQ(value_in("k = --comment=\"a #1\" x # y"), "--comment=\"a #1\" x");
  EXPECT_EQ(value_in("k = \"a \\\" #1\" # \"x"), "\"a \\\" #1\"");
}

TEST(ParseIni, AQuoteThatIsNotClosedOrStandsInsideAWordIsAnOrdinaryCharacter) {
  EXPECT_EQ(value_in("k = don't # it's mine"), "don't");
  EXPECT_EQ(value_in("k = \"open # note"), "\"open");
  EXPECT_EQ(value_in("k = 5\"disk # a \"b\""), "5\"disk");
}

TEST(ParseIni, NamesTheLineThatIsNone) {
  EXPECT_THAT(refusal("[run]\nname x\n"), HasSubstr("run.ini: line 2 is 'name x', but lines are [section]"));
  EXPECT_THAT(refusal("[run\n"), HasSubstr("line 1 is '[run'"));
  EXPECT_THAT(refusal("[]\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("\n= 3\n"), HasSubstr("line 2"));
}

TEST(Quotes, AreAddedOnlyWhereAValueWouldReadBackAsAnother) {
  for (const char* plain :
       {"", "a", "a b", "lr#1", "a,b.h5", "5\"disk", "back\\slash", "it's", "a=b", "[x]", "a,'b'"}) {
    EXPECT_EQ(ini_quoted(plain), plain);
  }
  EXPECT_EQ(ini_quoted(" a"), "\" a\"");
  EXPECT_EQ(ini_quoted("a #1"), "\"a #1\"");
  EXPECT_EQ(ini_quoted("#1"), "\"#1\"");
  EXPECT_EQ(ini_quoted("\"x"), "\"\\\"x\"");
  EXPECT_EQ(ini_quoted("\"x\""), "\"\\\"x\\\"\"");
  EXPECT_EQ(ini_unquoted("\"C:\\dir\""), "C:\\dir");
  EXPECT_EQ(ini_unquoted("\"a\" \"b\""), "\"a\" \"b\"");
}

TEST(Quotes, WhatIsWrittenReadsBackToTheSame) {
  std::mt19937 random = trireme::tests::seeded_random(5);
  constexpr char kAlphabet[] = "a#\"'\\ \t,=[]x:(";
  for (int trial = 0; trial < 20000; ++trial) {
    std::string value(random() % 9, ' ');
    for (char& c : value) c = kAlphabet[random() % (sizeof kAlphabet - 1)];
    for (const std::string& line :
         {"k = " + ini_quoted(value), "k = " + ini_quoted(value) + "  # \"a note\" isn't it"}) {
      EXPECT_EQ(ini_unquoted(value_in(line)), value) << line;
    }
    if (ini_holds(value)) {
      EXPECT_EQ(value_in("k = " + value), value);
    }
  }
}

TEST(Lists, AreSplitAtCommasOutsideQuotes) {
  const auto names = [](const std::string& text) {
    std::vector<std::string> all;
    for (const ListItem& item : split_list(text)) all.push_back(item.name + "|" + item.rest);
    return all;
  };
  EXPECT_THAT(names(" a, b c ,,d"), ElementsAre("a|", "b c|", "|", "d|"));
  EXPECT_THAT(names("\"a,b.h5\" 0.5, c.h5 1"), ElementsAre("a,b.h5|0.5", "c.h5 1|"));
  EXPECT_THAT(names("x,\t\"a \\\"q\\\", #2\""), ElementsAre("x|", "a \"q\", #2|"));
  EXPECT_THAT(names("5\"disk,6\"disk"), ElementsAre("5\"disk|", "6\"disk|"));
  EXPECT_THAT(names("\"open, b"), ElementsAre("\"open|", "b|"));
  EXPECT_THAT(names(""), ElementsAre("|"));
}

}  // namespace
}  // namespace trireme::base
