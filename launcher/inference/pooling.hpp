// One vector from the hidden states of a text's tokens.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace trireme::launcher {

enum class Pooling {
  kMean,    ///< the mean over all tokens, special ones included
  kFirst,   ///< the first token's ([CLS] of BERT)
  kLast,    ///< the last token's
  kPooler,  ///< what the model's own pooler makes of the first token's
  kNone     ///< every token's
};

/// "mean", "first", "last", "pooler", "none". Throws base::InputError for another word.
Pooling parse_pooling(const std::string& word);

/// Pools `hidden`, row-major (tokens, width) with at least one token, by kMean, kFirst or kLast. Sums are in fp64.
std::vector<float> pooled(std::span<const float> hidden, std::size_t width, Pooling pooling);

/// Scales a vector to length 1; one of zeros stays.
void normalize(std::span<float> vector);

/// "[0.5,-1.25]", with digits that read back to the same floats; values that are not finite are strings, as in
/// base/json.hpp.
std::string vector_text(std::span<const float> vector);

}  // namespace trireme::launcher
