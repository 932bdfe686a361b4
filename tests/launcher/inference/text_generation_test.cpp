// Texts of a small model with random weights, many at a time and one by one.
#include "launcher/inference/text_generation.hpp"

#include <gtest/gtest.h>

#include <map>

#include "tests/launcher/inference/written_tokenizer.hpp"
#include "tests/models/pipeline/inference_run.hpp"

namespace trireme::launcher {
namespace {

using pipeline::Precision;

class TextGenerationTest : public testing::TestWithParam<Precision> {
 protected:
  static spec::ModelConfig config() {
    spec::ModelConfig config = test::small_model("llama");
    config.vocab = 300;  // more than the tokenizer knows
    config.sequence = 64;
    return config;
  }

  std::vector<Completion> write(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                const GenerationEvents& events = {}) {
    return generate_texts(used_.model, nullptr, tokenizer_, prompts, options, events);
  }

  const text::Tokenizer tokenizer_ = tests::byte_tokenizer();
  tests::Used used_{tests::setup_of(config(), {1, 1, 1, 1}, GetParam()), nullptr};
};

/// Prompts of lengths 1 to 20, to be continued by 1 to 12 tokens.
std::vector<Prompt> prompts() {
  std::vector<Prompt> prompts;
  for (std::uint32_t i = 0; i < 20; ++i) {
    Prompt prompt;
    for (std::uint32_t t = 0; t <= i * 7 % 20; ++t) prompt.tokens.push_back(1 + (i * 31 + t * 17) % 256);
    prompt.max_tokens = 1 + i * 5 % 12;
    prompt.index = i;
    prompts.push_back(prompt);
  }
  return prompts;
}

void expect_same(const std::vector<Completion>& some, const std::vector<Completion>& others) {
  ASSERT_EQ(some.size(), others.size());
  for (std::size_t i = 0; i < some.size(); ++i) {
    EXPECT_EQ(some[i].tokens, others[i].tokens) << i;
    EXPECT_EQ(some[i].text, others[i].text) << i;
    EXPECT_EQ(some[i].stop, others[i].stop) << i;
  }
}

// Each text is drawn with its prompt's number, and its logits have the same bits in any company.
TEST_P(TextGenerationTest, ATextDoesNotDependOnTheOthers) {
  for (const double temperature : {0.0, 1.0}) {
    GenerationOptions options;
    options.sampling.temperature = temperature;
    options.ends = {7, 8, 9, 10, 11, 12};
    const std::vector<Prompt> all = prompts();
    std::vector<Completion> alone;
    for (const Prompt& prompt : all) alone.push_back(write({prompt}, options).front());
    for (const std::int64_t batch : {2, 7, 64}) {
      options.batch = batch;
      expect_same(write(all, options), alone);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_LE(std::ssize(alone[i].tokens), all[i].max_tokens);
      EXPECT_EQ(alone[i].stop == StopReason::kLength, std::ssize(alone[i].tokens) == all[i].max_tokens);
    }
  }
}

TEST_P(TextGenerationTest, TheSamePromptDrawsAnotherTextUnderAnotherNumber) {
  std::vector<Prompt> same(4, Prompt{{5, 6, 7}, 12});
  for (std::size_t i = 0; i < same.size(); ++i) same[i].index = i % 3;
  GenerationOptions options;
  options.batch = 4;
  const std::vector<Completion> texts = write(same, options);
  EXPECT_EQ(texts[0].tokens, texts[3].tokens);
  EXPECT_NE(texts[0].tokens, texts[1].tokens);
  EXPECT_NE(texts[1].tokens, texts[2].tokens);
}

TEST_P(TextGenerationTest, PiecesAndEndsAreTold) {
  GenerationOptions options;
  options.batch = 3;
  options.sampling.temperature = 1.5;
  options.stop_words = {"a", "the"};
  std::vector<Prompt> all = prompts();
  all[4].max_tokens = 0;
  std::map<std::size_t, std::string> texts;
  std::map<std::size_t, StopReason> ends;
  GenerationEvents events;
  events.on_text = [&](std::size_t prompt, std::string_view piece) { texts[prompt] += piece; };
  events.on_end = [&](std::size_t prompt, const Completion& completion) { ends[prompt] = completion.stop; };
  const std::vector<Completion> completions = write(all, options, events);
  ASSERT_EQ(ends.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(texts[i], completions[i].text);
    EXPECT_EQ(ends[i], completions[i].stop);
    EXPECT_EQ(completions[i].text.find('a'), std::string::npos);
  }
  EXPECT_TRUE(completions[4].tokens.empty());
  EXPECT_EQ(completions[4].stop, StopReason::kLength);
}

TEST_P(TextGenerationTest, AllTextsEndWhenTheyAreStopped) {
  GenerationOptions options;
  options.batch = 3;
  std::vector<Prompt> all = prompts();
  for (Prompt& prompt : all) prompt.max_tokens = 8;
  const std::vector<Completion> whole = write(all, options);
  int asked = 0;
  GenerationEvents events;
  std::size_t ends = 0;
  events.stopped = [&] { return ++asked > 5; };
  events.on_end = [&](std::size_t, const Completion&) { ++ends; };
  const std::vector<Completion> stopped = write(all, options, events);
  ASSERT_EQ(stopped.size(), all.size());
  EXPECT_EQ(ends, all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(stopped[i].stop, StopReason::kStopped);
    const std::size_t count = i < 3 ? 5 : 0;
    EXPECT_EQ(stopped[i].tokens, std::vector(whole[i].tokens.begin(), whole[i].tokens.begin() + count));
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, TextGenerationTest,
                         testing::Values(Precision::kFp32, Precision::kFp64, Precision::kBf16));

}  // namespace
}  // namespace trireme::launcher
