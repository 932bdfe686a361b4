#include "base/lines.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace trireme::base {
namespace {

class LinesTest : public testing::Test {
 protected:
  std::unique_ptr<File> file(const std::string& text) {
    files_.replace(directory_.path() / "file", text);
    return files_.open(directory_.path() / "file", OpenMode::kRead);
  }
  // Each as "text", with what it is.
  std::vector<std::string> forwards(const std::string& text) {
    const auto opened = file(text);
    LineReader reader(*opened);
    std::vector<std::string> lines;
    std::uint64_t end = 0;
    for (Line line; reader.next(line);) {
      EXPECT_EQ(line.begin, end) << "nothing is left out";
      end = line.end;
      lines.push_back(std::string(line.text) + (line.torn ? " (torn)" : line.whole ? "" : " (part)"));
    }
    EXPECT_EQ(end, text.size());
    return lines;
  }
  std::vector<std::string> backwards(const std::string& text) {
    const auto opened = file(text);
    std::vector<std::string> lines;
    for_each_line_backwards(*opened, [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
    return lines;
  }

  tests::TemporaryDirectory directory_;
  PosixFileSystem files_;
};

using Texts = std::vector<std::string>;

TEST_F(LinesTest, AreReadForwards) {
  EXPECT_EQ(forwards(""), Texts{});
  EXPECT_EQ(forwards("\n"), Texts{""});
  EXPECT_EQ(forwards("a\n\nbc\nd"), (Texts{"a", "", "bc", "d (torn)"}));
}

TEST_F(LinesTest, AreReadBackwardsWithoutATornOne) {
  EXPECT_EQ(backwards(""), Texts{});
  EXPECT_EQ(backwards("torn"), Texts{});
  EXPECT_EQ(backwards("\n"), Texts{""});
  EXPECT_EQ(backwards("a\n\nbc\nd"), (Texts{"bc", "", "a"}));
  EXPECT_EQ(backwards("\na\n"), (Texts{"a", ""}));
}

TEST_F(LinesTest, AreTheSameBothWaysWhereverTheBlocksEnd) {
  std::string text;
  Texts lines;
  for (int i = 0; text.size() < 3 * kLongestLine; ++i) {
    lines.push_back(std::string(static_cast<std::size_t>(i * 7919 % 70001), static_cast<char>('a' + i % 26)));
    text += lines.back() + "\n";
  }
  EXPECT_EQ(forwards(text), lines);
  const Texts back = backwards(text);
  EXPECT_EQ(Texts(back.rbegin(), back.rend()), lines);
}

TEST_F(LinesTest, WhatIsTooLongComesInPartsOrNotAtAll) {
  const std::string text = "a\n" + std::string(5 * kLongestLine / 2, 'x') + "\nb\n";
  const Texts lines = forwards(text);
  EXPECT_EQ(lines.front(), "a");
  EXPECT_EQ(lines.back(), "b");
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) EXPECT_TRUE(lines[i].ends_with(" (part)"));
  EXPECT_EQ(backwards(text), (Texts{"b", "a"}));
}

TEST_F(LinesTest, GoingBackEndsWhenAsked) {
  const auto opened = file("a\nb\nc\n");
  int seen = 0;
  for_each_line_backwards(*opened, [&](std::string_view) { return ++seen < 2; });
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace trireme::base
