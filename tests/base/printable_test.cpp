#include "base/printable.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/json.hpp"
#include "base/log.hpp"

namespace trireme::base {
namespace {

TEST(Printable, EscapesWhatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1B[2Jb\\x0A");
  EXPECT_EQ(printable(std::string_view("\0\t\r\x7f", 4)), "\\x00\\x09\\x0D\\x7F");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{009B}31m");
  EXPECT_EQ(printable("\u202egnp.exe\u2066\u061c\u200f"), "\\u{202E}gnp.exe\\u{2066}\\u{061C}\\u{200F}");
  EXPECT_EQ(printable("a\u2028b\u2029"), "a\\u{2028}b\\u{2029}");
}

TEST(Printable, KeepsOrdinaryText) {
  const std::string text = "Zürich · 世界 🚣 \\x1B tp2·pp2 …";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable(printable("\x1b\n")), printable("\x1b\n"));
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xFFb");
  EXPECT_EQ(printable("\xc3"), "\\xC3");
  EXPECT_EQ(printable("\xe4\xb8"), "\\xE4\\xB8");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xC0\\xAF");                    // overlong
  EXPECT_EQ(printable("\xe0\x82\x9b"), "\\xE0\\x82\\x9B");           // overlong C1
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xED\\xA0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\x9b"), "\\x9B");
}

TEST(Printable, KeepsWhatTheTextMayHold) {
  EXPECT_EQ(printable("a\n\tb\r", Keep::kNewlines), "a\n\\x09b\\x0D");
  EXPECT_EQ(printable("a\n\tb\r", Keep::kNewlinesAndTabs), "a\n\tb\\x0D");
}

TEST(PrintableJson, IsTheSameValue) {
  const Json value = {{"a\x7f", "\u009b\u202e\u2028 ü\n\x1b"}};
  const std::string text = printable_json(to_line(value));
  EXPECT_EQ(text, "{\"a\\u007f\":\"\\u009b\\u202e\\u2028 ü\\n\\u001b\"}");
  EXPECT_EQ(Json::parse(text), value);
}

TEST(Log, EscapesItsLines) {
  std::FILE* stream = std::tmpfile();
  const Log log(stream);
  log.info("a\nb\x1b");
  log.warn("c\n");
  log.text("d\ne\x1b\n");
  std::rewind(stream);
  char text[100] = {};
  ASSERT_GT(std::fread(text, 1, sizeof text - 1, stream), 0U);
  std::fclose(stream);
  EXPECT_STREQ(text, "a\\x0Ab\\x1B\nwarning: c\\x0A\nd\ne\\x1B\n");
}

TEST(PrintFailure, LetsNoNameBeginALine) {
  testing::internal::CaptureStderr();
  print_failure("cannot read a\ntrireme: done\x1b\n  rank 0  host a");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "trireme: cannot read a\\x0Atrireme: done\\x1B\n  rank 0  host a\n");
}

}  // namespace
}  // namespace trireme::base
