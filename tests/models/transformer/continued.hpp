// Sequences that a chunk with embedding and head continues from its caches.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "models/transformer/chunk.hpp"

namespace trireme::test {

/// Feeds tokens (B, T) in pieces of these numbers of tokens, all sequences at once, and returns the logits of the next
/// token after each piece, (B, vocabulary).
inline std::vector<at::Tensor> continued_logits(transformer::Chunk& chunk, const at::Tensor& tokens_BT,
                                                const std::vector<std::int64_t>& pieces) {
  std::vector<std::unique_ptr<transformer::KeyValueCache>> caches;
  for (std::int64_t b = 0; b < tokens_BT.size(0); ++b) caches.push_back(chunk.make_cache(tokens_BT.size(1)));
  std::vector<at::Tensor> logits;
  std::int64_t first = 0;
  for (const std::int64_t count : pieces) {
    std::vector<transformer::NewTokens> sequences;
    for (const auto& cache : caches) sequences.push_back({cache.get(), count});
    logits.push_back(chunk.infer(tokens_BT.narrow(1, first, count).reshape({-1}), {}, sequences, true));
    first += count;
  }
  return logits;
}

}  // namespace trireme::test
