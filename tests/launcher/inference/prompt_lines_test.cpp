#include "launcher/inference/prompt_lines.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"
#include "tests/launcher/inference/small_tokenizer.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class PromptLinesTest : public testing::Test {
 protected:
  std::vector<PromptLine> read(const std::string& content, bool chat = false) {
    const std::string path = (directory_.path() / "in.jsonl").string();
    files_.replace(path, content);
    PromptEncoder encoder(tokenizer_, texts_, "MODEL", true, 16, chat);
    return read_prompt_lines(files_, path, encoder, 10, 16);
  }
  std::string refusal(const std::string& content) {
    try {
      read(content);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  std::string text(const PromptLine& line) { return tokenizer_.decode(line.prompt.tokens); }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  text::Tokenizer tokenizer_ = tests::small_tokenizer("\"post_processor\":" + tests::bert_processing(258, 259) + ",");
  ModelTexts texts_ = {{"chat_template.jinja", "{% for m in messages %}{{ m.role[0] ~ m.content }}{% endfor %}!"}};
};

TEST_F(PromptLinesTest, PromptsAndMessagesBecomeTokens) {
  const auto lines = read(
      "{\"prompt\": \"xy\"}\n\n{\"id\": {\"a\": 1.50}, \"messages\": [{\"role\": \"user\", \"content\": "
      "\"hi</s>\"}]}\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0].prompt.tokens, ElementsAre(258, 'x', 'y'));  // what stands in front, not what stands behind
  EXPECT_TRUE(lines[0].prompt.continues);
  EXPECT_EQ(lines[0].prompt.max_tokens, 10);
  EXPECT_THAT(lines[1].prompt.tokens, ElementsAre('u', 'h', 'i', 257, '!'));
  EXPECT_FALSE(lines[1].prompt.continues);
  EXPECT_EQ(lines[1].prompt.index, 1U);
  const Completion completion{"a\n\"b", {'a'}, StopReason::kWord};
  EXPECT_EQ(completion_line(lines[0], completion), R"({"id":0,"text":"a\n\"b","tokens":[97],"stop":"word"})");
  EXPECT_EQ(completion_line(lines[1], completion), R"({"id":{"a": 1.50},"text":"a\n\"b","tokens":[97],"stop":"word"})");
}

TEST_F(PromptLinesTest, WithChatAPromptIsAMessage) {
  const auto lines = read("{\"prompt\": \"xy\"}\n", true);
  EXPECT_EQ(text(lines[0]), "uxy!");
  EXPECT_FALSE(lines[0].prompt.continues);
}

TEST_F(PromptLinesTest, NewTokensStayWithinTheSequence) {
  EXPECT_EQ(read("{\"prompt\": \"0123456789\"}")[0].prompt.max_tokens, 5);
}

TEST_F(PromptLinesTest, AnErrorNamesTheLine) {
  EXPECT_THAT(refusal("{\"prompt\": \"x\"}\n{}\n"),
              AllOf(HasSubstr("in.jsonl:2: "), HasSubstr("\"prompt\" or \"messages\"")));
  EXPECT_THAT(refusal("{\"prompt\": \"x\", \"messages\": []}"), HasSubstr("not both"));
  EXPECT_THAT(refusal("{\"prompt\": 5}"), HasSubstr("in.jsonl:1: \"prompt\" is not a string"));
  EXPECT_THAT(refusal("{\"messages\": \"x\"}"), HasSubstr("in.jsonl:1: the messages are not a list"));
  EXPECT_THAT(refusal("{\"prompt\": \"0123456789012345\"}"), HasSubstr("in.jsonl:1: the prompt has 17 tokens"));
  EXPECT_THAT(refusal("{\"messages\": [{\"role\": \"user\"}]}\n"), HasSubstr("nothing was refused"));
  EXPECT_THAT(refusal("{\"messages\": [{\"content\": \"x\"}]}\n"),
              HasSubstr("in.jsonl:1: chat_template.jinja, line 1"));
  EXPECT_THAT(refusal("\n"), HasSubstr("holds no lines"));
  texts_.clear();
  EXPECT_THAT(refusal("{\"messages\": [{\"role\": \"user\"}]}\n"), HasSubstr("MODEL has no chat template"));
}

TEST(PromptsTest, TravelAsBytes) {
  std::vector<Prompt> prompts = {{{1, 2, 3}, 5, 7, false}, {{}, 0, 0, true}, {{4000000000}, 1, 2, true}};
  const std::vector<Prompt> same = prompts_of(to_bytes(prompts));
  ASSERT_EQ(same.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(same[i].tokens, prompts[i].tokens);
    EXPECT_EQ(same[i].max_tokens, prompts[i].max_tokens);
    EXPECT_EQ(same[i].index, prompts[i].index);
    EXPECT_EQ(same[i].continues, prompts[i].continues);
  }
  EXPECT_TRUE(prompts_of("").empty());
  EXPECT_THROW(prompts_of(to_bytes(prompts).substr(1)), base::Error);
}

TEST(OrderedLinesTest, AreWrittenInOrderAsSoonAsPossible) {
  OrderedLines lines;
  std::string written;
  const auto write = [&](const std::string& line) { written += line; };
  lines.ready(2, "c", write);
  lines.ready(1, "b", write);
  EXPECT_EQ(written, "");
  lines.ready(0, "a", write);
  EXPECT_EQ(written, "abc");
  lines.ready(3, "d", write);
  EXPECT_EQ(written, "abcd");
}

}  // namespace
}  // namespace trireme::launcher
