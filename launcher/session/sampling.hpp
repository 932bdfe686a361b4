// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <span>

namespace trireme::launcher {

struct Sampling {
  double temperature = 1.0;  ///< 0 = greedy: the most likely token, the lowest id among equals
  std::int64_t top_k = 0;    ///< keep the k most likely; 0 = all
  double top_p = 1.0;        ///< then keep the smallest set of most likely tokens with at least this probability
  std::uint64_t seed = 0;
};

/// Draws the token for `position` (the number of tokens before it): a pure function of logits, options and position.
/// Filters apply after the temperature, and top-k before top-p (Holtzman et al., arXiv 1904.09751), as in transformers.
std::int64_t choose_token(std::span<const float> logits, const Sampling& sampling, std::int64_t position);

}  // namespace trireme::launcher
