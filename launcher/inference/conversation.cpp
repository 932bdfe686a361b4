#include "launcher/inference/conversation.hpp"

#include <utility>

#include "base/error.hpp"

namespace trireme::launcher {

using base::Json;
using base::str;

Conversation::Conversation(ChatTemplate chat_template, text::Tokenizer tokenizer, const std::string& system)
    : template_(std::move(chat_template)), tokenizer_(std::move(tokenizer)) {
  if (system.empty()) return;
  messages_.push_back(message("system", system));
  first_ = 1;
}

Conversation::Turn Conversation::ask(const std::string& text, std::int64_t most, std::time_t now) {
  Json messages = messages_;
  messages.push_back(message("user", text));
  Turn turn;
  for (;;) {
    turn.tokens = tokenizer_.encode(template_.render(messages, true, now));
    if (turn.tokens.empty())
      throw base::InputError("the chat template makes no text of the message: say something else");
    if (std::ssize(turn.tokens) <= most) break;
    // A question and its answer.
    if (messages.size() < first_ + 3) {
      throw base::InputError(str("the message makes ", turn.tokens.size(), " tokens, and the model has room for ", most,
                                 " beside its answer: make it shorter"));
    }
    const auto begin = messages.begin() + static_cast<std::ptrdiff_t>(first_);
    messages.erase(begin, begin + 2);
    turn.dropped += 2;
  }
  messages_ = std::move(messages);
  return turn;
}

void Conversation::answered(const std::string& text) { messages_.push_back(message("assistant", text)); }

void Conversation::reset() {
  messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(first_), messages_.end());
}

}  // namespace trireme::launcher
