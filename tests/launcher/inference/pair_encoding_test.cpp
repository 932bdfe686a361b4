#include "launcher/inference/pair_encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/launcher/inference/small_tokenizer.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const text::Tokenizer kTokenizer = tests::small_tokenizer();

std::uint32_t id(const char* token) { return *kTokenizer.id_of(token); }

EncodedPair encoded(const std::string& context, const std::string& continuation, std::int64_t sequence = 16) {
  return PairEncoder(kTokenizer, true, kTokenizer.end_of_text(), sequence).encode(context, continuation);
}

std::string refusal(const std::string& context, const std::string& continuation, std::int64_t sequence = 16) {
  try {
    encoded(context, continuation, sequence);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(PairEncoder, EncodesBothTogether) {
  const EncodedPair pair = encoded("xy", " bc");
  EXPECT_THAT(pair.tokens, ElementsAre(id("x"), id("y"), id("\xC4\xA0"), id("bc")));
  EXPECT_EQ(pair.first, 2U);
  EXPECT_EQ(pair.cut, 0U);
}

TEST(PairEncoder, MovesSpaceToTheContinuation) {
  EXPECT_EQ(encoded("xy ", "bc").tokens, encoded("xy", " bc").tokens);
  EXPECT_EQ(encoded("xy ", "bc").first, 2U);
  // U+3000 and U+2009 are white space of Python, U+200B is not.
  EXPECT_EQ(encoded("x\xE3\x80\x80\xE2\x80\x89", "y").first, 1U);
  EXPECT_EQ(encoded("x\xE2\x80\x8B", "y").first, 4U);
}

TEST(PairEncoder, TakesWhatIsBehindAsManyTokensAsTheContextHas) {
  // The token bc lies across the border: the context alone is a, b; both together a, bc, d.
  const EncodedPair pair = encoded("ab", "cd");
  EXPECT_THAT(pair.tokens, ElementsAre(id("a"), id("b"), id("d")));
  EXPECT_EQ(pair.first, 2U);
  EXPECT_THAT(refusal("ab", "c"), HasSubstr("no tokens of its own"));
}

TEST(PairEncoder, AnEmptyContextIsTheStart) {
  const std::uint32_t start = *kTokenizer.end_of_text();
  EXPECT_THAT(encoded("", "xy").tokens, ElementsAre(start, id("x"), id("y")));
  EXPECT_EQ(encoded(" ", "xy").tokens, encoded("", " xy").tokens);
  EXPECT_THAT(encoded("", "</s>x").tokens, ElementsAre(start, id("x")));
  const PairEncoder without(kTokenizer, true, std::nullopt, 16);
  EXPECT_THROW(without.encode("", "x"), base::InputError);
}

TEST(PairEncoder, PutsTheBeginningInFrontUnlessItIsThere) {
  const text::Tokenizer bert = tests::small_tokenizer("\"post_processor\":" + tests::bert_processing(258, 259) + ",");
  const auto tokens = [&](bool special, const char* context) {
    return PairEncoder(bert, special, 258, 16).encode(context, "y").tokens;
  };
  EXPECT_THAT(tokens(true, "x"), ElementsAre(258, id("x"), id("y")));
  EXPECT_THAT(tokens(true, "[CLS]x"), ElementsAre(258, id("x"), id("y")));
  EXPECT_THAT(tokens(true, ""), ElementsAre(258, id("y")));
  EXPECT_THAT(tokens(false, "x"), ElementsAre(id("x"), id("y")));
}

TEST(PairEncoder, CutsTheContextOnItsLeft) {
  EXPECT_EQ(encoded("xyz", "bc", 3).cut, 0U);  // the last token is no input
  const EncodedPair pair = encoded("xyz", "bc", 2);
  EXPECT_THAT(pair.tokens, ElementsAre(id("y"), id("z"), id("bc")));
  EXPECT_EQ(pair.first, 2U);
  EXPECT_EQ(pair.cut, 1U);
}

TEST(PairEncoder, RefusesContinuationsThatCannotBeScored) {
  EXPECT_THAT(refusal("x", ""), HasSubstr("the continuation is empty"));
  EXPECT_EQ(encoded("x", "xyz", 3).first, 1U);
  EXPECT_THAT(refusal("x", "xyza", 3), HasSubstr("the continuation has 4 tokens, and the model sees 3"));
}

TEST(StartToken, IsTheModelsOrTheTokenizers) {
  const auto of = [](const std::string& config) {
    return start_token(kTokenizer, {{"tokenizer_config.json", config}});
  };
  EXPECT_EQ(start_token(kTokenizer, {}), kTokenizer.end_of_text());
  EXPECT_EQ(of(R"({"bos_token": "x", "eos_token": "y"})"), id("x"));
  EXPECT_EQ(of(R"({"bos_token": null, "eos_token": {"content": "y"}})"), id("y"));
  EXPECT_EQ(of(R"({"bos_token": "no such token"})"), kTokenizer.end_of_text());
  EXPECT_EQ(of("[1"), kTokenizer.end_of_text());
}

TEST(EncodeText, HasTypesForAPair) {
  const std::string pair = "bc";
  const EncodedText one = encode_text(kTokenizer, "xy", nullptr, false, 16);
  EXPECT_THAT(one.tokens, ElementsAre(id("x"), id("y")));
  EXPECT_THAT(one.types, ElementsAre(0, 0));
  const EncodedText two = encode_text(kTokenizer, "xy", &pair, false, 16);
  EXPECT_THAT(two.tokens, ElementsAre(id("x"), id("y"), id("bc")));
  EXPECT_THAT(two.types, ElementsAre(0, 0, 1));
}

TEST(EncodeText, PutsSpecialTokensAroundTexts) {
  const text::Tokenizer bert = tests::small_tokenizer("\"post_processor\":" + tests::bert_processing(258, 259) + ",");
  const std::string pair = "bc";
  EXPECT_THAT(encode_text(bert, "x", nullptr, true, 16).tokens, ElementsAre(258, id("x"), 259));
  const EncodedText two = encode_text(bert, "x", &pair, true, 16);
  EXPECT_THAT(two.tokens, ElementsAre(258, id("x"), 259, id("bc"), 259));
  EXPECT_THAT(two.types, ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(encode_text(bert, "x", nullptr, false, 16).tokens, ElementsAre(id("x")));
  EXPECT_THAT(encode_text(bert, "", nullptr, true, 16).tokens, ElementsAre(258, 259));
}

TEST(EncodeText, TakesTheTemplateOfPairs) {
  const text::Tokenizer other = tests::small_tokenizer(
      R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},)"
      R"({"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},)"
      R"({"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],"special_tokens":{)"
      R"("[CLS]":{"id":"[CLS]","ids":[258],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[259],"tokens":["[SEP]"]}}},)");
  const std::string pair = "bc";
  EXPECT_THAT(encode_text(other, "x", nullptr, true, 16).tokens, ElementsAre(258, id("x")));
  EXPECT_THAT(encode_text(other, "x", &pair, true, 16).tokens, ElementsAre(id("x"), 259, id("bc")));
}

TEST(EncodeText, CutsAtTheEndAndKeepsSpecialTokens) {
  const text::Tokenizer bert = tests::small_tokenizer("\"post_processor\":" + tests::bert_processing(258, 259) + ",");
  const EncodedText cut = encode_text(bert, "xyza", nullptr, true, 4);
  EXPECT_THAT(cut.tokens, ElementsAre(258, id("x"), id("y"), 259));
  EXPECT_THAT(cut.types, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(cut.cut, 2U);
  const std::string pair = "xyz";
  EXPECT_THROW(encode_text(bert, "xyza", &pair, true, 8), base::InputError);
  EXPECT_THROW(encode_text(bert, "x", nullptr, true, 2), base::InputError);
  EXPECT_THROW(encode_text(kTokenizer, "", nullptr, false, 8), base::InputError);
}

}  // namespace
}  // namespace trireme::launcher
