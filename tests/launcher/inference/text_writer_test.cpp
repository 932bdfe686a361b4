#include "launcher/inference/text_writer.hpp"

#include <gtest/gtest.h>

#include "tests/launcher/inference/written_tokenizer.hpp"

namespace trireme::launcher {
namespace {

const text::Tokenizer& tokenizer() {
  static const text::Tokenizer tokenizer = tests::byte_tokenizer(270);
  return tokenizer;
}

struct Written {
  Completion completion;
  std::vector<std::string> pieces;
  std::size_t taken = 0;  ///< tokens that were wanted
};

Written write(const std::string& prompt, const std::vector<std::uint32_t>& tokens, const GenerationOptions& options,
              std::int64_t most = 100) {
  Written written;
  const Prompt asked{tokenizer().encode(prompt), most};
  TextWriter writer(tokenizer(), asked, options, [&](std::string_view piece) { written.pieces.emplace_back(piece); });
  for (const std::uint32_t token : tokens) {
    ++written.taken;
    if (!writer.push(token)) break;
  }
  written.completion = writer.completion();
  return written;
}

/// A token for each byte.
std::vector<std::uint32_t> bytes(const std::string& text) {
  std::vector<std::uint32_t> ids;
  for (const char byte : text) ids.push_back(tests::byte_id(tokenizer(), byte));
  return ids;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

TEST(TextWriter, EndsAtAnEndWhichIsNoPartOfTheText) {
  GenerationOptions options;
  options.ends = {0};
  auto tokens = tokenizer().encode(" the cat");
  const auto before = tokens;
  tokens.insert(tokens.end(), {0, 5});
  const Written written = write("On", tokens, options);
  EXPECT_EQ(written.completion.text, " the cat");
  EXPECT_EQ(written.completion.tokens, before);
  EXPECT_EQ(written.completion.stop, StopReason::kEnd);
  EXPECT_EQ(written.taken, before.size() + 1);
  EXPECT_EQ(joined(written.pieces), written.completion.text);
}

TEST(TextWriter, EndsAfterItsTokens) {
  const auto tokens = tokenizer().encode("abcdef");
  const Written written = write("x", tokens, {}, 3);
  EXPECT_EQ(written.completion.tokens.size(), 3U);
  EXPECT_EQ(written.completion.stop, StopReason::kLength);
  EXPECT_EQ(written.completion.text, tokenizer().decode({tokens.begin(), tokens.begin() + 3}));
}

TEST(TextWriter, EndsBeforeAStopWordThatLiesAcrossTokens) {
  GenerationOptions options;
  options.stop_words = {"mat;", "never"};
  const Written written = write("x", bytes("amat;z"), options);
  EXPECT_EQ(written.completion.text, "a");
  EXPECT_EQ(written.completion.stop, StopReason::kWord);
  EXPECT_EQ(written.completion.tokens.size(), 5U);
  EXPECT_EQ(written.taken, 5U);
  EXPECT_EQ(joined(written.pieces), "a");
}

// é is C3 A9: its first byte alone is no character.
TEST(TextWriter, ShowsWholeCharactersOnly) {
  const Written written = write("x",
                                bytes("\xC3\xA9"
                                      "b\xC3"),
                                {}, 4);
  for (const std::string& piece : written.pieces) EXPECT_NE(piece.front(), '\xA9');
  EXPECT_EQ(written.completion.text,
            "\xC3\xA9"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(joined(written.pieces), written.completion.text);
}

// The prompt ends within a character, which the first token completes.
TEST(TextWriter, GoesOnWithItsPrompt) {
  Prompt prompt{bytes("a\xC3"), 1};
  for (const bool continues : {true, false}) {
    const GenerationOptions options;
    prompt.continues = continues;
    TextWriter writer(tokenizer(), prompt, options, {});
    EXPECT_FALSE(writer.push(bytes("\xA9").front()));
    EXPECT_EQ(writer.completion().text, continues ? "\xC3\xA9" : "\xEF\xBF\xBD");
  }
}

TEST(StopReason, HasNames) {
  EXPECT_STREQ(name_of(StopReason::kEnd), "eos");
  EXPECT_STREQ(name_of(StopReason::kLength), "length");
  EXPECT_STREQ(name_of(StopReason::kWord), "word");
  EXPECT_STREQ(name_of(StopReason::kStopped), "stopped");
}

}  // namespace
}  // namespace trireme::launcher
