// Masked language modelling (Devlin et al., "BERT", arXiv 1810.04805): which tokens of a sample are to be predicted,
// and what the model sees in their place. Pure arithmetic on a sample's tokens and its number (docs/numerics.md has the
// formula), so that no layout, micro-batch size or restart changes a mask.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace trireme::tokens {

/// Probabilities, each from 0 to 1.
struct MaskingRule {
  double fraction = 0.15;     ///< that a token is chosen, by itself or with its word
  double mask_token = 0.8;    ///< that a chosen token is replaced by the mask token
  double random_token = 0.1;  ///< that a random token replaces it; otherwise it stays as it is
  bool whole_words = false;   ///< the tokens of a word are chosen together
};

/// Throws base::InputError when mask_token + random_token is above 1. Inline, since the options check the rule without
/// linking what reads datasets.
inline void check(const MaskingRule& rule) {
  if (rule.mask_token + rule.random_token <= 1) return;
  throw base::InputError(base::str("masking.mask_token = ", rule.mask_token, " and masking.random_token = ",
                                   rule.random_token, " make more than 1: lower one of them"));
}

/// What masking needs to know about a vocabulary.
struct MaskedVocabulary {
  std::int64_t mask_token = 0;
  std::vector<std::uint8_t> special;         ///< by id: 1 = never chosen and never drawn as the random token
  std::vector<std::uint8_t> continues_word;  ///< by id: 1 = belongs to the token before it; empty without whole words
};

/// The key of a training's masks: every run seed has its own.
std::uint64_t training_masks_key(std::uint64_t seed);
/// The key of the masks in validation, always the same, so that losses can be compared over time and between runs.
std::uint64_t validation_masks_key();

/// Immutable; several threads may call const members at once.
class Masking {
 public:
  /// Errors as check(); base::InputError also for a vocabulary of special tokens only.
  Masking(const MaskingRule& rule, MaskedVocabulary vocabulary, std::uint64_t key);

  /// Masks one sample. `tokens`, ids of the vocabulary, become what the model sees; `targets`, of the same length, the
  /// tokens that were chosen, and -1 elsewhere. `may_count`: 0 where the data's loss mask forbids a target.
  void apply(std::uint64_t sample, std::span<std::int64_t> tokens, std::span<const std::uint8_t> may_count,
             std::span<std::int64_t> targets) const;
  /// How many targets apply() would set.
  std::uint64_t count(std::uint64_t sample, std::span<const std::int64_t> tokens,
                      std::span<const std::uint8_t> may_count) const;

 private:
  bool special(std::int64_t token) const { return vocabulary_.special[static_cast<std::size_t>(token)] != 0; }
  /// By position: 1 = to be predicted.
  std::vector<std::uint8_t> chosen(std::uint64_t sample, std::span<const std::int64_t> tokens,
                                   std::span<const std::uint8_t> may_count) const;

  MaskingRule rule_;
  MaskedVocabulary vocabulary_;
  std::vector<std::int64_t> ordinary_;  ///< the ids that are not special, ascending
  std::uint64_t key_;
};

}  // namespace trireme::tokens
