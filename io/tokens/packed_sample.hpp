// Reads samples of token datasets of format 2: several documents one after another, which do not see each other.
#pragma once

#include <cstdint>
#include <span>

#include "io/tokens/token_dataset.hpp"

namespace trireme::tokens {

/// Which responses of a conversation count as targets.
enum class LearnedTurns { kAll, kLast };

/// Throws base::InputError naming the dataset when `turns` needs roles and it has none (format 1).
void check_turns(const TokenDataset& dataset, LearnedTurns turns);

/// Where a sample of T tokens is written; all spans have T elements.
struct SampleRow {
  std::span<std::int64_t> tokens;   ///< 0 behind the last document
  std::span<std::int64_t> targets;  ///< the next token of the same document where that one counts, else -1
  std::span<std::int32_t> starts;   ///< the position in the sample at which the token's document begins; what is left
                                    ///< behind the last document is like one more
};

/// Reads sample `index`. Errors as TokenDataset::documents_of and read.
void read_packed_sample(const TokenDataset& dataset, std::uint64_t index, LearnedTurns turns, const SampleRow& row);

/// The number of targets that read_packed_sample() would set. Reads offsets and roles only.
std::uint64_t count_packed_targets(const TokenDataset& dataset, std::uint64_t index, LearnedTurns turns);

}  // namespace trireme::tokens
