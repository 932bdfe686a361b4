// What is to be written, and what came of it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "launcher/session/sampling.hpp"

namespace trireme::launcher {

struct Prompt {
  std::vector<std::uint32_t> tokens;  ///< not empty; those of the special tokens that the model expects included
  std::int64_t max_tokens = 0;        ///< new tokens at most; together with `tokens` within the model's sequence
  std::uint64_t index = 0;            ///< number of the prompt in its file: keys the drawing of tokens
  /// Whether the text goes on with its prompt: decoded behind the prompt's tokens, so that the two together are the
  /// text of all tokens. False: decoded as a text of its own, such as the answer in a chat.
  bool continues = true;
};

/// Why a text ends where it does.
enum class StopReason { kEnd, kLength, kWord, kStopped };
/// "eos", "length", "word", "stopped" (by GenerationEvents::stopped).
const char* name_of(StopReason reason);

struct Completion {
  std::string text;                   ///< what the new tokens mean, without special ones; ends before a stop word
  std::vector<std::uint32_t> tokens;  ///< new tokens, without the end; with those in which the stop word lies
  StopReason stop = StopReason::kLength;
};

struct GenerationOptions {
  Sampling sampling;                    ///< its `index` is each prompt's
  std::set<std::uint32_t> ends;         ///< tokens that end a text; they are not part of it
  std::vector<std::string> stop_words;  ///< none empty. The first to appear in the text ends it, however it is divided
                                        ///< into tokens
  std::int64_t batch = 1;               ///< texts that are written at a time, at least 1
};

}  // namespace trireme::launcher
