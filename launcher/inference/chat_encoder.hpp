// Conversations as token ids to learn from: which token is a prompt's and which a response's.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/chat_template.hpp"

namespace trireme::launcher {

/// A tokenizer, and the texts among which its chat template is.
struct ChatModel {
  text::Tokenizer tokenizer;
  ModelTexts texts;
};

/// `path` names a directory with a tokenizer, a tokenizer file beside which the template lies, or a checkpoint or run
/// that carries both. Throws base::InputError as Tokenizer::load and find_model, and for a model without a tokenizer.
ChatModel find_chat_model(base::FileSystem& files, const std::string& path);

struct EncodedConversation {
  std::vector<std::uint32_t> ids;
  std::vector<std::uint8_t> roles;  ///< tokens::Role of each id; behind the limit it may be kPrompt for any
};

/// Immutable; several threads may call const members at once.
class ChatEncoder {
 public:
  /// `name` stands for the model in errors; `now` is what templates show as the present time. Throws what
  /// ChatTemplate::find() does.
  ChatEncoder(const ChatModel& model, std::string name, std::time_t now)
      : template_(ChatTemplate::find(model.texts, name)),
        tokenizer_(model.tokenizer),
        name_(std::move(name)),
        now_(now) {}

  /// The ids of the whole conversation as the template renders it, special tokens recognised and none added; and for
  /// each of the first `limit` ids whether it belongs to a response (docs/token_dataset.md); responses that begin
  /// behind them are not looked for, so that a conversation of very many turns takes no longer than its first ones.
  /// `messages` passed check_conversation(). Throws base::InputError when the template refuses the messages, or does
  /// not render the messages before and up to a response that is looked for as beginnings of the whole.
  EncodedConversation encode(const base::Json& messages, std::size_t limit) const;

 private:
  /// How many of `ids` lie before the border that ends `beginning`, a beginning of the text of `ids`. A token that
  /// holds the border lies behind it.
  std::size_t border(const std::vector<std::uint32_t>& ids, const std::string& beginning) const;

  ChatTemplate template_;
  text::Tokenizer tokenizer_;
  std::string name_;
  std::time_t now_;
};

}  // namespace trireme::launcher
