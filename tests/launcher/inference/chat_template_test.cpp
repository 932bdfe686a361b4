#include "launcher/inference/chat_template.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"
#include "launcher/inference/end_tokens.hpp"
#include "tests/launcher/inference/small_tokenizer.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <typename Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "nothing was refused";
}

std::string render(const ModelTexts& texts, const std::string& messages, bool answer = false) {
  return ChatTemplate::find(texts, "MODEL").render(parse_messages(messages), answer, 0);
}

constexpr const char* kOne = R"([{"role": "user", "content": "hi"}])";

TEST(ChatTemplateTest, TheFileComesBeforeTheConfig) {
  EXPECT_EQ(
      render({{"chat_template.jinja", "file"}, {"tokenizer_config.json", R"({"chat_template": "config"})"}}, kOne),
      "file");
  EXPECT_EQ(render({{"tokenizer_config.json", R"({"chat_template": "config"})"}}, kOne), "config");
  EXPECT_EQ(
      render({{"tokenizer_config.json",
               R"({"chat_template": [{"name": "rag", "template": "no"}, {"name": "default", "template": "yes"}]})"}},
             kOne),
      "yes");
}

TEST(ChatTemplateTest, SpecialTokensAreVariables) {
  const std::string source = "{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}|{{ unk_token }}";
  const std::string config =
      R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null)";
  const std::string legacy = R"({"bos_token": "<old>", "unk_token": {"content": "<unk>"}})";
  EXPECT_EQ(render({{"chat_template.jinja", source}, {"tokenizer_config.json", config + "}"}}, kOne),
            "<s>|</s>|False|");
  EXPECT_EQ(render({{"chat_template.jinja", source},
                    {"tokenizer_config.json", config + "}"},
                    {"special_tokens_map.json", legacy}},
                   kOne),
            "<old>|</s>|False|<unk>");
  EXPECT_EQ(render({{"chat_template.jinja", source},
                    {"tokenizer_config.json", config + ", \"added_tokens_decoder\": {}}"},
                    {"special_tokens_map.json", legacy}},
                   kOne),
            "<s>|</s>|False|");
}

TEST(ChatTemplateTest, VariablesAreThoseOfApplyChatTemplate) {
  const std::string source = "{{ tools }}{{ documents }}{{ add_generation_prompt }}{{ messages }}";
  EXPECT_EQ(render({{"chat_template.jinja", source}}, R"([{"role": "user", "content": null, "reasoning": "r"}])", true),
            "NoneNoneTrue[{'thinking': 'r', 'role': 'user', 'reasoning': 'r', 'reasoning_content': 'r'}]");
}

TEST(ChatTemplateTest, WhatIsNoTemplateIsRefused) {
  EXPECT_THAT(refusal([] { ChatTemplate::find({}, "MODEL"); }), testing::StartsWith("MODEL has no chat template: "));
  EXPECT_THAT(refusal([] {
                ChatTemplate::find({{"tokenizer_config.json", R"({"chat_template": []})"}}, "MODEL");
              }),
              HasSubstr("none is named default"));
  EXPECT_THAT(refusal([] {
                ChatTemplate::find({{"tokenizer_config.json", R"({"chat_template": 5})"}}, "MODEL");
              }),
              HasSubstr("neither a text nor"));
  EXPECT_THAT(refusal([] {
                ChatTemplate::find({{"tokenizer_config.json", "[]"}}, "MODEL");
              }),
              HasSubstr("no JSON object"));
  EXPECT_THAT(refusal([] {
                ChatTemplate::find({{"chat_template.jinja", "a\n{% if %}"}}, "MODEL");
              }),
              testing::StartsWith("chat_template.jinja, line 2: "));
  EXPECT_THAT(refusal([] {
                render({{"tokenizer_config.json", R"({"chat_template": "{{ raise_exception('no') }}"})"}}, kOne);
              }),
              testing::StartsWith("chat_template of tokenizer_config.json, line 1: the template refuses: no"));
}

TEST(ChatTemplateTest, WhatAreNoMessagesIsRefused) {
  for (const char* json : {"", "{", "[]", "{}", "5", "[5]", R"([{"role": "user"}, null])", "[{}] x"}) {
    EXPECT_THAT(refusal([&] { parse_messages(json); }), HasSubstr("messages")) << json;
  }
  std::string deep = "[{\"a\":";
  for (int i = 0; i < 100000; ++i) deep += '[';
  EXPECT_THAT(refusal([&] { parse_messages(deep); }), HasSubstr("nested"));
  std::string wide = "[{\"a\":1";
  for (int i = 0; i < 200000; ++i) wide += base::str(",\"k", i, "\":1");
  EXPECT_THAT(refusal([&] { parse_messages(wide + "}]"); }), HasSubstr("members"));
}

TEST(EndTokensTest, ComeFromTheModelsFiles) {
  const text::Tokenizer tokenizer = tests::small_tokenizer(R"("truncation":null,)");
  const auto ends = [&](const ModelTexts& texts, bool chat = false) { return end_tokens(texts, tokenizer, chat); };
  EXPECT_THAT(ends({}), ElementsAre(257));
  EXPECT_THAT(ends({{"generation_config.json", R"({"eos_token_id": 5})"}, {"config.json", R"({"eos_token_id": 6})"}}),
              ElementsAre(5));
  EXPECT_THAT(ends({{"generation_config.json", R"({"eos_token_id": [7, 8]})"}}), ElementsAre(7, 8));
  EXPECT_THAT(ends({{"generation_config.json", R"({"eos_token_id": []})"}}), IsEmpty());
  EXPECT_THAT(ends({{"generation_config.json", "{}"}, {"config.json", R"({"eos_token_id": 6})"}}), ElementsAre(6));
  EXPECT_THAT(ends({{"config.json", R"({"eos_token_id": null})"}}), ElementsAre(257));
  const ModelTexts chat = {{"config.json", R"({"eos_token_id": 6})"},
                           {"tokenizer_config.json", R"({"eos_token": {"content": "[SEP]"}})"}};
  EXPECT_THAT(ends(chat), ElementsAre(6));
  EXPECT_THAT(ends(chat, true), ElementsAre(6, 259));
  for (const char* bad : {"\"x\"", "-1", "1.5", "[1, \"x\"]", "99999999999", "{}"}) {
    EXPECT_THAT(refusal([&] {
                  ends({{"config.json", base::str("{\"eos_token_id\": ", bad, "}")}});
                }),
                HasSubstr("config.json: eos_token_id"))
        << bad;
  }
}

}  // namespace
}  // namespace trireme::launcher
