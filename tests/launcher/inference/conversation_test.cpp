#include "launcher/inference/conversation.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"
#include "tests/launcher/inference/small_tokenizer.hpp"

namespace trireme::launcher {
namespace {

using testing::HasSubstr;

// A token for each byte of "s:be;u:hi;a:" and so on.
class ConversationTest : public testing::Test {
 protected:
  static Conversation conversation(const std::string& system = "") {
    const ModelTexts texts = {{"chat_template.jinja",
                               "{% for m in messages %}{% if m.content == 'bad' %}{{ raise_exception('bad') }}{% endif "
                               "%}{{ m.role[0] ~ ':' ~ "
                               "m.content ~ ';' }}{% endfor %}{% if add_generation_prompt %}a:{% endif %}"}};
    return {ChatTemplate::find(texts, "MODEL"), tests::small_tokenizer(), system};
  }
  static std::string text(const Conversation::Turn& turn) { return tests::small_tokenizer().decode(turn.tokens); }
};

TEST_F(ConversationTest, GoesOnTurnByTurn) {
  Conversation chat = conversation("be");
  EXPECT_EQ(text(chat.ask("one", 100, 0)), "s:be;u:one;a:");
  chat.answered("1");
  EXPECT_EQ(text(chat.ask("two", 100, 0)), "s:be;u:one;a:1;u:two;a:");
  chat.answered("2");
  chat.reset();
  EXPECT_EQ(text(chat.ask("three", 100, 0)), "s:be;u:three;a:");
}

TEST_F(ConversationTest, DropsTheOldestQuestionsWithTheirAnswers) {
  Conversation chat = conversation("be");
  for (const char* message : {"one", "two", "six"}) {
    chat.ask(message, 100, 0);
    chat.answered("yes");
  }
  const auto turn = chat.ask("ten", 30, 0);
  EXPECT_EQ(text(turn), "s:be;u:six;a:yes;u:ten;a:");
  EXPECT_EQ(turn.dropped, 4U);
  chat.answered("no");
  EXPECT_EQ(text(chat.ask("end", 100, 0)), "s:be;u:six;a:yes;u:ten;a:no;u:end;a:");
}

TEST_F(ConversationTest, IsAsBeforeWhenAMessageIsRefused) {
  Conversation chat = conversation();
  chat.ask("one", 20, 0);
  chat.answered("1");
  for (const std::string& message : {std::string("bad"), std::string(50, 'x')}) {
    try {
      chat.ask(message, 20, 0);
      ADD_FAILURE() << message;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), message == "bad" ? HasSubstr("refuses: bad") : HasSubstr("make it shorter"));
    }
  }
  EXPECT_EQ(text(chat.ask("two", 100, 0)), "u:one;a:1;u:two;a:");
}

}  // namespace
}  // namespace trireme::launcher
