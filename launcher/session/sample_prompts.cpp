#include "launcher/session/sample_prompts.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "launcher/session/text_generation.hpp"

namespace trireme::launcher {

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
