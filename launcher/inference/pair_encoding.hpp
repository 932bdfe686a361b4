// Texts as the token ids that a model scores or embeds. Pure functions of tokenizer and text.
//
// How context and continuation are divided into tokens follows lm-evaluation-harness (TemplateLM._encode_pair and
// loglikelihood of lm_eval/api/model.py), so that numbers can be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/tokenizer.hpp"

namespace trireme::launcher {

/// The tokens of a context and its continuation.
struct EncodedPair {
  std::vector<std::uint32_t> tokens;  ///< the context's, at least one, then the continuation's, at least one
  std::size_t first = 0;              ///< the number of the continuation's first token
  std::size_t cut = 0;                ///< tokens of the context that were left out on its left
};

class PairEncoder {
 public:
  /// `special`: whether texts get what the tokenizer's post-processor puts in front of a text. `start`: the token that
  /// stands for an empty context; nothing: such contexts are refused. `sequence`: tokens that the model can see.
  PairEncoder(const text::Tokenizer& tokenizer, bool special, std::optional<std::uint32_t> start,
              std::int64_t sequence);

  /// Encodes one pair:
  /// 1. White space (Python's str.isspace()) at the end of the context moves to the beginning of the continuation.
  /// 2. Context and continuation are encoded together, the context alone as well. The continuation's tokens are those
  ///    of both behind as many as the context alone has; the context's are its own. A text that begins with the
  ///    spelling of `start` gets no special tokens.
  /// 3. An empty context is the token `start`. A continuation that begins with that token loses it to the context.
  /// 4. Of more than sequence + 1 tokens the first are left out: the last one of all is no input.
  /// Throws base::InputError without a subject ("the continuation is empty"): an empty continuation or one without
  /// tokens, one of more tokens than `sequence`, an empty context without `start`.
  EncodedPair encode(std::string_view context, std::string_view continuation) const;

 private:
  std::vector<std::uint32_t> encoded(std::string_view text) const;

  const text::Tokenizer& tokenizer_;
  bool special_;
  std::optional<std::uint32_t> start_;
  std::size_t sequence_;
};

/// The token that stands in front of a text when nothing else does: bos_token, else eos_token of the model's
/// tokenizer_config.json, else the first that the post-processor puts in front, else the tokenizer's end of text.
std::optional<std::uint32_t> start_token(const text::Tokenizer& tokenizer,
                                         const std::map<std::string, std::string>& texts);

/// A text, or two, as an encoder takes them.
struct EncodedText {
  std::vector<std::uint32_t> tokens;  ///< at least one
  std::vector<std::int64_t> types;    ///< of each token: 0 for the first text, 1 for the second
  std::size_t cut = 0;                ///< tokens of the text that were left out at its end
};

/// Encodes `text`, and `pair` behind it, with the special tokens of the tokenizer's post-processor if `special`. A text
/// that is too long for `sequence` tokens is cut at its end; special tokens stay. Throws base::InputError without a
/// subject: a text without tokens, a pair that is too long.
EncodedText encode_text(const text::Tokenizer& tokenizer, std::string_view text, const std::string* pair, bool special,
                        std::int64_t sequence);

}  // namespace trireme::launcher
