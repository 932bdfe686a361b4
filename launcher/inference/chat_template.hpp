// A model's own chat template, and conversations as the text that the model was trained on.
#pragma once

#include <ctime>
#include <map>
#include <string>

#include "base/json.hpp"
#include "io/jinja/template.hpp"

namespace trireme::launcher {

/// The texts that a public model carries beside its weights, by file name (ModelSource::texts).
using ModelTexts = std::map<std::string, std::string>;

/// Immutable and cheap to copy.
class ChatTemplate {
 public:
  /// Takes chat_template.jinja, else chat_template of tokenizer_config.json: a text, or the one named "default" of
  /// several. `model` stands for the model in errors. Throws base::InputError for a model without a template, saying
  /// what to do, and what jinja::Template::parse() does.
  static ChatTemplate find(const ModelTexts& texts, const std::string& model);

  /// The text of a conversation, as transformers' apply_chat_template(tokenize=False) makes it without tools: members
  /// that are null are left out, the named special tokens (bos_token, …) are variables. `messages` comes from
  /// parse_messages(). `answer`: add_generation_prompt, for the assistant's turn. Tokenize it with special tokens
  /// recognised and none added. Throws base::InputError when the template refuses the messages.
  std::string render(const base::Json& messages, bool answer, std::time_t now) const;

 private:
  ChatTemplate(jinja::Template parsed, base::Json tokens) : template_(std::move(parsed)), tokens_(std::move(tokens)) {}

  jinja::Template template_;
  base::Json tokens_;  ///< the variables that are special tokens
};

/// A conversation from JSON text: a list of objects, at least one. Throws base::InputError without a subject
/// ("the messages are …") for anything else, and for what is nested or has members beyond reason.
base::Json parse_messages(const std::string& json);

/// {"role": …, "content": …}.
base::Json message(const std::string& role, const std::string& content);

}  // namespace trireme::launcher
