// A conversation that goes on turn by turn within the tokens that a model can see.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/chat_template.hpp"

namespace trireme::launcher {

class Conversation {
 public:
  /// `system`: the first message; empty: none.
  Conversation(ChatTemplate chat_template, text::Tokenizer tokenizer, const std::string& system);

  /// What the model is to answer.
  struct Turn {
    std::vector<std::uint32_t> tokens;
    std::size_t dropped = 0;  ///< messages at the beginning that were given up to make room
  };
  /// Adds the user's message and returns the tokens of the conversation up to the assistant's turn, at most `most`.
  /// Where they are more, the oldest messages are dropped for good, a question with its answer each time; the system's
  /// message stays. Throws base::InputError, and is as before the call, when the last message alone is too long or the
  /// template refuses.
  Turn ask(const std::string& text, std::int64_t most, std::time_t now);
  /// Adds the assistant's answer.
  void answered(const std::string& text);
  /// Forgets everything but the system's message.
  void reset();
  /// The messages, the system's included.
  const base::Json& messages() const { return messages_; }

 private:
  ChatTemplate template_;
  text::Tokenizer tokenizer_;
  base::Json messages_ = base::Json::array();
  std::size_t first_ = 0;  ///< the number of the first message that may be dropped
};

}  // namespace trireme::launcher
