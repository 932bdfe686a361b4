#include "io/tokens/text_cut.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "io/text/byte_level.hpp"
#include "io/text/tokenizer.hpp"
#include "tests/support/random.hpp"

namespace trireme::tokens {
namespace {

const std::vector<std::string> kParts = {"a",       "Bc",     "7",      "42",  " ",     "  ",   "\n", "\n\n",
                                         "\r\n",    "\t",     "'s",     "'LL", "}",     ";;",   "é",  "中",
                                         "e\u0301", "\u00a0", "\u3000", ".",   "<|x|>", "<pad>"};

std::string random_text(std::mt19937& random) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += kParts[random() % kParts.size()];
  return text;
}

/// A tokenizer that merges any two bytes which a random text may hold side by side, so that the ids show where the
/// text was split.
text::TokenizerDefinition definition(const std::vector<std::string>& splits) {
  text::TokenizerDefinition result;
  result.splits.assign(splits.begin(), splits.end());
  result.use_gpt2_pattern = splits.empty();
  for (int byte = 0; byte < 256; ++byte) {
    result.vocabulary.emplace_back(text::spell_bytes(std::string(1, static_cast<char>(byte))), byte);
  }
  std::set<char> bytes;
  for (const auto& part : kParts) bytes.insert(part.begin(), part.end());
  std::uint32_t id = 256;
  for (const char a : bytes) {
    for (const char b : bytes) {
      const auto left = text::spell_bytes(std::string(1, a));
      const auto right = text::spell_bytes(std::string(1, b));
      result.merges.emplace_back(left, right);
      result.vocabulary.emplace_back(left + right, id++);
    }
  }
  for (const char* content : {"<|x|>", "<pad>"}) {
    text::AddedToken token;
    token.id = id++;
    token.content = content;
    token.lstrip = token.content == "<pad>";
    result.added_tokens.push_back(token);
  }
  return result;
}

/// Cuts random texts at every place that the rule allows; returns how many there were.
int cut_everywhere(const text::TokenizerDefinition& definition) {
  const TextCut cut = text_cut(definition);
  const auto tokenizer = text::Tokenizer::make(definition);
  std::mt19937 random = trireme::tests::seeded_random(7);
  int cuts = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_text(random);
    const auto whole = tokenizer.encode(text);
    for (std::size_t at = cut(text); at > 0; at = at > 1 ? cut(std::string_view(text).substr(0, at)) : 0) {
      std::vector<std::uint32_t> parts;
      tokenizer.encode(std::string_view(text).substr(0, at), parts);
      tokenizer.encode(std::string_view(text).substr(at), parts);
      EXPECT_EQ(parts, whole) << text << "\ncut at " << at;
      ++cuts;
    }
  }
  return cuts;
}

TEST(TextCut, NeverChangesIds) {
  EXPECT_GT(cut_everywhere(definition({})), 1000);
  for (const char* const pattern : {text::kLlama3Pattern, text::kQwen2Pattern, text::kO200kPattern}) {
    EXPECT_GT(cut_everywhere(definition({pattern})), 1000);
  }
  auto prefixed = definition({});
  prefixed.add_prefix_space = true;
  EXPECT_GT(cut_everywhere(prefixed), 500);
}

TEST(TextCut, FindsTheLastPlace) {
  const TextCut cut = text_cut(definition({}));
  EXPECT_EQ(cut("ab cd. ef\n"), 9U);
  EXPECT_EQ(cut("ab cd. "), 2U);
  EXPECT_EQ(cut("中文"), 0U);
  EXPECT_EQ(cut("a"), 0U);
}

TEST(TextCut, DoesNotCutWhereItIsNotCertain) {
  EXPECT_FALSE(text_cut(definition({"\\w+ \\w+"})));
  auto spaced = definition({});
  spaced.added_tokens[0].content = "two words";
  EXPECT_FALSE(text_cut(spaced));
  auto greedy = definition({});
  greedy.added_tokens[0].content = "word";
  greedy.added_tokens[0].rstrip = true;
  EXPECT_FALSE(text_cut(greedy));
  greedy.added_tokens[0].content = "<word>";
  EXPECT_TRUE(text_cut(greedy));
  auto prepending = definition({});
  prepending.normalizer.resize(1);
  prepending.normalizer[0].kind = text::NormalizerStep::Kind::kPrepend;
  prepending.normalizer[0].content = "x";
  EXPECT_TRUE(text_cut(prepending));
  prepending.added_tokens[0].content = "word";  // what follows it is prepended to, but not a piece after a cut
  EXPECT_FALSE(text_cut(prepending));
}

}  // namespace
}  // namespace trireme::tokens
