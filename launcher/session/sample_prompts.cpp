#include "launcher/session/sample_prompts.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::launcher {

std::int64_t room_after(const std::vector<std::uint32_t>& prompt, std::int64_t sequence, const std::string& key) {
  if (prompt.empty()) throw base::InputError(key + " is empty: give at least one character");
  const std::int64_t room = sequence - std::ssize(prompt);
  if (room < 1) {
    throw base::InputError(
        base::str(key, " has ", prompt.size(), " tokens, and the model's sequence is ", sequence, ": shorten it"));
  }
  return room;
}

std::optional<SamplePrompts> parse_sample_prompts(const options::LogSection& log, std::int64_t sequence,
                                                  const std::string& tokenizer_json) {
  const std::vector<std::string> texts = options::names_of(log.sample_prompts);
  if (texts.empty()) return std::nullopt;
  SamplePrompts result{text::Tokenizer::parse(tokenizer_json), {}};
  for (const std::string& text : texts) {
    SamplePrompt prompt{text, result.tokenizer.encode(text), 0};
    const std::int64_t room =
        room_after(prompt.tokens, sequence, base::str("log.sample_prompts: the prompt '", text, "'"));
    prompt.count = std::min(log.sample_tokens, room);
    result.prompts.push_back(std::move(prompt));
  }
  return result;
}

}  // namespace trireme::launcher
