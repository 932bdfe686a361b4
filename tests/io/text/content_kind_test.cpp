#include "io/text/content_kind.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "tests/support/random.hpp"

namespace trireme::text {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

TEST(KnownBinary, NamesTheFormatAndWhatToDo) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\xFF\xFEh\0i\0"s, "UTF-16 text: convert it (iconv -f UTF-16"},
      {"\xFE\xFF\0h\0i"s, "UTF-16 text: convert it (iconv -f UTF-16"},
      {"\xFF\xFE\0\0h\0\0\0"s, "UTF-32 text: convert it (iconv -f UTF-32"},
      {"\0\0\xFE\xFF\0\0\0h"s, "UTF-32"},
      {"\x7F"
       "ELF\2\1\1"s,
       "program (ELF)"},
      {"\x89PNG\r\n\x1A\n"s, "PNG"},
      {"\xFF\xD8\xFF\xE0"s, "JPEG"},
      {"PAR1\x15\4"s, "Parquet"},
      {"PK\3\4\x14"s, "unzip"},
      {"\xFD"
       "7zXZ\0\0\4"s,
       "xz -dc"},
      {"BZh91AY&SY"s, "bzip2 -dc"},
      {"\x04\x22\x4D\x18xx"s, "lz4 -dc"},
      {"\x1F\x8B\x08"s, "compressed twice"},
      {"\x28\xB5\x2F\xFD"s, "compressed twice"},
      {"%PDF-1.7"s, "pdftotext"},
      {std::string(257, 'x') + "ustar", "tar archive"},
      {"TRMTOKEN\1"s, "data.train"},
      {"\x89HDF\r\n\x1A\n"s, "HDF5"},
      {"\x58\1\0\0\0\0\0\0{\"a\""s, "safetensors"},
      {"SQLite format 3\0"s, "SQLite"},
  };
  for (const auto& [head, what] : cases) EXPECT_THAT(known_binary(head), HasSubstr(what)) << head;
}

TEST(KnownBinary, LetsTextPass) {
  for (const std::string& head : {""s, "B"s, "BZh is a word"s, "PKP trains"s, "GIF89 is a format"s, "{\"text\": 1}"s,
                                  "\xEF\xBB\xBFx"s, "\0a"s, "MZ"s, "ustar"s}) {
    EXPECT_EQ(known_binary(head), "") << head;
    EXPECT_EQ(likely_binary(head), "") << head;
  }
}

std::string wide(const std::string& text, std::size_t width, bool little) {
  std::string out;
  for (const char c : text) {
    std::string unit(width, '\0');
    unit[little ? 0 : width - 1] = c;
    out += unit;
  }
  return out;
}

TEST(LikelyBinary, KnowsWideTextWithoutAMark) {
  const std::string text = "In the beginning God created the heaven and the earth.\n";
  EXPECT_THAT(likely_binary(wide(text, 2, true)), HasSubstr("UTF-16LE"));
  EXPECT_THAT(likely_binary(wide(text, 2, false)), HasSubstr("UTF-16BE"));
  EXPECT_THAT(likely_binary(wide(text, 4, true)), HasSubstr("UTF-32"));
  EXPECT_THAT(likely_binary(wide(text, 4, false)), HasSubstr("UTF-32"));
}

TEST(LikelyBinary, JudgesByProportions) {
  std::mt19937 random = trireme::tests::seeded_random(1);
  std::string noise;
  for (int i = 0; i < 4000; ++i) noise.push_back(static_cast<char>(random()));
  EXPECT_THAT(likely_binary(noise), HasSubstr("not UTF-8"));
  std::string numbers;  // little-endian 32-bit numbers below 1,000
  for (std::uint32_t i = 0; i < 1000; ++i) {
    numbers += {static_cast<char>(i), static_cast<char>(i >> 8), '\0', '\0'};
  }
  EXPECT_THAT(likely_binary(numbers), HasSubstr("NUL"));
  EXPECT_THAT(likely_binary(std::string(200, '\1')), HasSubstr("control"));
  std::string russian;  // in Windows-1251
  for (int i = 0; i < 40; ++i) russian += "\xCF\xF0\xE8\xE2\xE5\xF2 \xEC\xE8\xF0, ";
  EXPECT_THAT(likely_binary(russian), HasSubstr("iconv"));
}

TEST(LikelyBinary, LetsTextWithFaultsPass) {
  std::string text;
  for (int i = 0; i < 400; ++i) {
    text += "Some words in a line, and more of them to come; \x1B[1mbold\x1B[0m.\n";
    if (i % 10 == 0) text += '\0';
    if (i % 4 == 0) text += "caf\xE9 ";  // Latin-1
  }
  EXPECT_EQ(likely_binary(text), "");
  std::string han;
  for (int i = 0; i < 4000; ++i) han += "\u4f60\u597d";
  EXPECT_EQ(likely_binary(han), "");
  EXPECT_EQ(likely_binary(han.substr(0, 7001)), "");  // a character cut off
}

TEST(JsonShapes, AreToldByTheFirstLine) {
  EXPECT_EQ(json_shape("{\"text\": \"x\"}\n{\"text\"", false), JsonShape::kLines);
  EXPECT_EQ(json_shape("\xEF\xBB\xBF\r\n { \"text\": \"x\"} \r\n", true), JsonShape::kLines);
  EXPECT_EQ(json_shape("{\"text\": \"x\"}", true), JsonShape::kLines);
  EXPECT_EQ(json_shape("{\"text\": \"a long one", false), JsonShape::kLines);
  EXPECT_EQ(json_shape("{\"text\": \"cut off", true), JsonShape::kObject);
  EXPECT_EQ(json_shape("{\n  \"text\": 1\n}\n", true), JsonShape::kObject);
  EXPECT_EQ(json_shape("[{\"text\": 1},\n", false), JsonShape::kArray);
  EXPECT_EQ(json_shape("{ braces }\n", true), JsonShape::kNone);
  EXPECT_EQ(json_shape("words\n{\"text\": 1}\n", true), JsonShape::kNone);
  EXPECT_EQ(json_shape(" \n", true), JsonShape::kNone);
}

}  // namespace
}  // namespace trireme::text
