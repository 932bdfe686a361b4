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
  std::uint64_t index = 0;  ///< number of the text: each of several texts draws its own tokens
};

/// Draws the token for `position` (the number of tokens before it): a pure function of logits (at least one), options
/// and position. Filters apply after the temperature, and top-k before top-p (Holtzman et al., arXiv 1904.09751), as in
/// transformers; equals count as more likely the lower their ids are. A token's weight is exp((logit - largest) /
/// temperature), and 1 where the logit is the largest, infinite ones included. The token drawn is the first, from the
/// most likely one down, at which the sum of the weights exceeds a uniform number times the sum of all that are kept.
/// Takes a time proportional to the number of logits. Throws base::InputError for a logit that is not a number.
std::int64_t choose_token(std::span<const float> logits, const Sampling& sampling, std::int64_t position);

}  // namespace trireme::launcher
