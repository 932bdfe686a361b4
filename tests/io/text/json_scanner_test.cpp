// JSON that a strict reader refuses: what nobody asked for may hold anything, what was asked for is replaced or
// refused.
#include "io/text/json_scanner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/error.hpp"
#include "io/text/document_reader.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

JsonText kind_of(std::string_view text) {
  return scan_json(text, [](std::string_view, std::string_view) {});
}

TEST(JsonScanner, GivesTheMembersOfTheOutermostObject) {
  std::vector<std::string> members;
  const auto kind = scan_json(R"( { "a" : 1 , "b\u0041":{"c":[{"a":2},[]]}, "a":"x\"}" ,"d":[], "e":{} } )",
                              [&](std::string_view key, std::string_view value) {
                                members.push_back(std::string(key) + "=" + std::string(value));
                              });
  EXPECT_EQ(kind, JsonText::kObject);
  EXPECT_THAT(members, ElementsAre("a=1", R"(b\u0041={"c":[{"a":2},[]]})", R"(a="x\"}")", "d=[]", "e={}"));
}

TEST(JsonScanner, TakesWhatOthersWrite) {
  for (const char* const text : {R"({"a":NaN,"b":[Infinity,-Infinity],"c":1e999,"d":-1E+999})",
                                 R"({"\ud800":"\udfff x"})", R"(["\ud83d\ud83d\ude00"])", "NaN", R"("\udc00\ud800")"}) {
    EXPECT_NE(kind_of(text), JsonText::kMalformed) << text;
    EXPECT_FALSE(nlohmann::json::accept(text)) << text;
    EXPECT_TRUE(nlohmann::json::accept(strict_json(text))) << strict_json(text);
  }
  EXPECT_EQ(
      nlohmann::json::parse(strict_json(R"({"a":"x\ud83dy","b":"\ud83d\ude00","c":1e999,"d":1e9})")),
      (nlohmann::json{
          {"a", "x" + std::string(kHalfSurrogate) + "y"}, {"b", "\xF0\x9F\x98\x80"}, {"c", nullptr}, {"d", 1e9}}));
}

TEST(JsonScanner, RefusesWhatIsNoJson) {
  for (const char* const text : {"",
                                 " ",
                                 "{",
                                 "}",
                                 "[",
                                 "[1,]",
                                 "{,}",
                                 R"({"a"})",
                                 R"({"a":})",
                                 R"({"a":1,})",
                                 R"({a:1})",
                                 R"({"a":1}})",
                                 "[1 2]",
                                 "01",
                                 "1.",
                                 ".5",
                                 "-",
                                 "+1",
                                 "1e",
                                 "nan",
                                 "Nan",
                                 "tru",
                                 "nullx",
                                 R"("\x")",
                                 R"("\u12g4")",
                                 R"("\ud83d\u12)",
                                 "\"a\nb\"",
                                 "\"a",
                                 R"({"a":1}{"b":2})",
                                 "[1],",
                                 "[[1}",
                                 R"({"a":[1}})",
                                 R"("\)"}) {
    EXPECT_EQ(kind_of(text), JsonText::kMalformed) << text;
    EXPECT_FALSE(nlohmann::json::accept(strict_json(text))) << text;
  }
}

TEST(JsonScanner, AgreesWithAStrictReaderOnRandomTexts) {
  std::mt19937 random = trireme::tests::seeded_random(1);
  const std::vector<std::string> pieces = {"{",           "}", "[",    "]",    ",", ":",    "\"a\"",
                                           "\"\\u00e9\"", "1", "-2.5", "null", " ", "true", "0"};
  int valid = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (std::size_t n = random() % 9; n > 0; --n) text += pieces[random() % pieces.size()];
    const bool accepted = nlohmann::json::accept(text);
    valid += accepted;
    ASSERT_EQ(kind_of(text) != JsonText::kMalformed, accepted) << text;
    ASSERT_EQ(strict_json(text), text);
  }
  EXPECT_GT(valid, 1000);
}

TEST(JsonScanner, NestedValuesNeedNoStack) {
  const std::string deep = std::string(1 << 20, '[') + std::string(1 << 20, ']');
  EXPECT_EQ(kind_of(deep), JsonText::kOther);
  EXPECT_EQ(kind_of(deep.substr(1)), JsonText::kMalformed);
  std::string objects;
  for (int depth = 0; depth < 1 << 20; ++depth) objects += R"({"a":)";
  EXPECT_EQ(kind_of(objects + "1" + std::string(1 << 20, '}')), JsonText::kObject);
  EXPECT_EQ(kind_of(objects), JsonText::kMalformed);
}

class JsonlTest : public testing::Test {
 protected:
  std::vector<std::string> texts(const std::string& line, DocumentReaderOptions options = {}) {
    const auto path = directory_.path() / "a.jsonl";
    files_.replace(path, line + "\n");
    DocumentReader reader(files_, {path.string()}, std::move(options));
    std::vector<std::string> out;
    for (DocumentPiece piece; reader.next(piece);) out.push_back(piece.prompt + piece.text);
    replaced_ = reader.counts().replaced;
    return out;
  }
  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  std::uint64_t replaced_ = 0;
};

TEST_F(JsonlTest, OtherMembersMayHoldAnything) {
  EXPECT_THAT(
      texts(
          R"({"score":NaN,"\ud800":"\udc00","n":[1e999,{"text":"no"}],"text":"a\u00e9\ud83d\ude00\n\/","z":-Infinity})"),
      ElementsAre("a\xC3\xA9\xF0\x9F\x98\x80\n/"));
  EXPECT_EQ(replaced_, 0U);
  EXPECT_THAT(texts(R"({"text":"first","te\u0078t":"last"})"), ElementsAre("last"));
}

TEST_F(JsonlTest, HalvesOfSurrogatePairsInTheTextAreReplacedLikeInvalidUtf8) {
  EXPECT_THAT(texts(R"({"text":"a\ud800b\udfff"})"), ElementsAre("a\xEF\xBF\xBD"
                                                                 "b\xEF\xBF\xBD"));
  EXPECT_EQ(replaced_, 2U);
  DocumentReaderOptions strict;
  strict.replace_invalid_utf8 = false;
  try {
    texts(R"({"text":"a\ud800"})", strict);
    ADD_FAILURE();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("a.jsonl:1"), HasSubstr("surrogate")));
  }
  EXPECT_THROW(texts(R"({"text":NaN})"), base::InputError);
}

}  // namespace
}  // namespace trireme::text
