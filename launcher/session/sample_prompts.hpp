// log.sample_prompts: what the model is asked to continue at each validation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/text/tokenizer.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::launcher {

struct SamplePrompt {
  std::string text;
  std::vector<std::uint32_t> tokens;
  std::int64_t count = 0;  ///< tokens to make: log.sample_tokens, or what the model's sequence leaves
};

struct SamplePrompts {
  text::Tokenizer tokenizer;
  std::vector<SamplePrompt> prompts;
};

/// How many tokens can follow `prompt` within the model's sequence. Throws base::InputError naming `key` when the
/// prompt is empty or leaves no room.
std::int64_t room_after(const std::vector<std::uint32_t>& prompt, std::int64_t sequence, const std::string& key);

/// Nothing when there are none. Throws base::InputError naming log.sample_prompts for a prompt that is empty or fills
/// the model's sequence.
std::optional<SamplePrompts> parse_sample_prompts(const options::LogSection& log, std::int64_t sequence,
                                                  const std::string& tokenizer_json);

}  // namespace trireme::launcher
