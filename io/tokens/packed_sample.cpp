#include "io/tokens/packed_sample.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

// Says for each token of a sample whether the one before it predicts it: the first one of a document is no target.
std::vector<bool> targets_among(const TokenDataset& dataset, const std::vector<std::uint64_t>& documents,
                                LearnedTurns turns) {
  std::vector<std::uint8_t> roles(documents.back() - documents.front());
  dataset.read_roles(documents.front(), roles.size(), roles.data());
  std::vector<bool> counts(roles.size());
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const auto role = static_cast<Role>(roles[i]);
    counts[i] = turns == LearnedTurns::kAll ? role != Role::kPrompt : role == Role::kLastResponse;
  }
  for (std::size_t d = 0; d + 1 < documents.size(); ++d) counts[documents[d] - documents.front()] = false;
  return counts;
}

}  // namespace

void check_turns(const TokenDataset& dataset, LearnedTurns turns) {
  if (turns == LearnedTurns::kAll || dataset.packed()) return;
  throw base::InputError(base::str("sft.loss = last: ", dataset.path(),
                                   " does not tell responses apart: prepare its conversations with trireme prepare "
                                   "--chat, or leave sft.loss out"));
}

void read_packed_sample(const TokenDataset& dataset, std::uint64_t index, LearnedTurns turns, const SampleRow& row) {
  const std::vector<std::uint64_t> documents = dataset.documents_of(index);
  const std::vector<bool> counts = targets_among(dataset, documents, turns);
  dataset.read(documents.front(), counts.size(), row.tokens.data(), nullptr);
  std::ranges::fill(row.tokens.subspan(counts.size()), 0);
  std::ranges::fill(row.targets, -1);
  for (std::size_t t = 1; t < counts.size(); ++t) {
    if (counts[t]) row.targets[t - 1] = row.tokens[t];
  }
  for (std::size_t d = 0; d < documents.size(); ++d) {
    const std::uint64_t start = documents[d] - documents.front();
    std::ranges::fill(row.starts.subspan(start), static_cast<std::int32_t>(start));
  }
}

std::uint64_t count_packed_targets(const TokenDataset& dataset, std::uint64_t index, LearnedTurns turns) {
  const std::vector<bool> counts = targets_among(dataset, dataset.documents_of(index), turns);
  return static_cast<std::uint64_t>(std::ranges::count(counts, true));
}

}  // namespace trireme::tokens
