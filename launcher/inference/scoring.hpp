// Log-probabilities and hidden states of many texts, in any layout.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "launcher/inference/pooling.hpp"
#include "launcher/inference/requests.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Called on every rank after each of its batches; `done` is exact at the end only, as the ranks' batches differ.
using TextsDone = std::function<void(std::size_t done, std::size_t of)>;

/// Collective. `pairs`: rank 0's count. At most `batch` of one length are computed together, and the dp ranks share the
/// batches. Those are looked for among pairs of about 2^14 targets.
/// With batch 1 a pair's score does not depend on the others. Returns the scores on all ranks, in order.
/// Throws base::Error naming the number of the pair for which the model gives no number (NaN).
std::vector<PairScore> score_pairs(Session& session, std::vector<EncodedPair> pairs, std::size_t batch,
                                   const TextsDone& done = {});

struct EmbeddingOptions {
  Pooling pooling = Pooling::kMean;
  bool normalize = false;
  std::size_t batch = 1;
};

/// Collective. `texts`: rank 0's count. Calls give(i, vector) on rank 0 for each text, in order: its embedding, or with
/// Pooling::kNone its hidden states, row-major (tokens, hidden), each of them normalized if asked for. A model with at
/// most one token type ignores the texts' types. Memory holds the vectors of some texts at a time.
void embed_texts(Session& session, std::vector<EncodedText> texts, const EmbeddingOptions& options,
                 const std::function<void(std::size_t, const std::vector<float>&)>& give, const TextsDone& done = {});

}  // namespace trireme::launcher
