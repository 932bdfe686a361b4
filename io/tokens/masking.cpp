#include "io/tokens/masking.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/philox.hpp"

namespace trireme::tokens {
namespace {

/// The four 32-bit words that belong to one position of a sample: the first chooses it (or the word that begins
/// there), the second says what becomes of it, the third which random token.
base::PhiloxCounter words_of(std::uint64_t key, std::uint64_t sample, std::size_t position) {
  return base::philox({static_cast<std::uint32_t>(position), 0, static_cast<std::uint32_t>(sample),
                       static_cast<std::uint32_t>(sample >> 32)},
                      base::philox_key(key));
}

/// A word as a number from 0 to below 1; exact.
double unit(std::uint32_t word) { return static_cast<double>(word) / 4294967296.0; }

}  // namespace

std::uint64_t training_masks_key(std::uint64_t seed) { return base::mix(seed, base::name_hash("masks of training")); }

std::uint64_t validation_masks_key() { return base::name_hash("masks of validation"); }

Masking::Masking(const MaskingRule& rule, MaskedVocabulary vocabulary, std::uint64_t key)
    : rule_(rule), vocabulary_(std::move(vocabulary)), key_(key) {
  check(rule);
  for (std::size_t id = 0; id < vocabulary_.special.size(); ++id) {
    if (vocabulary_.special[id] == 0) ordinary_.push_back(static_cast<std::int64_t>(id));
  }
  if (ordinary_.empty()) throw base::InputError("the tokenizer has special tokens only: there is nothing to mask");
}

std::vector<std::uint8_t> Masking::chosen(std::uint64_t sample, std::span<const std::int64_t> tokens,
                                          std::span<const std::uint8_t> may_count) const {
  std::vector<std::uint8_t> result(tokens.size());
  for (std::size_t t = 0; t < tokens.size(); ++t) result[t] = unit(words_of(key_, sample, t)[0]) < rule_.fraction;
  for (std::size_t t = 1; rule_.whole_words && t < tokens.size(); ++t) {
    const bool inside = vocabulary_.continues_word[static_cast<std::size_t>(tokens[t])] != 0;
    if (inside && !special(tokens[t]) && !special(tokens[t - 1])) result[t] = result[t - 1];
  }
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    if (may_count[t] == 0 || special(tokens[t])) result[t] = 0;
  }
  return result;
}

void Masking::apply(std::uint64_t sample, std::span<std::int64_t> tokens, std::span<const std::uint8_t> may_count,
                    std::span<std::int64_t> targets) const {
  const std::vector<std::uint8_t> to_predict = chosen(sample, tokens, may_count);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    targets[t] = to_predict[t] != 0 ? tokens[t] : -1;
    if (to_predict[t] == 0) continue;
    const base::PhiloxCounter words = words_of(key_, sample, t);
    const double fate = unit(words[1]);
    if (fate < rule_.mask_token) {
      tokens[t] = vocabulary_.mask_token;
    } else if (fate < rule_.mask_token + rule_.random_token) {
      tokens[t] = ordinary_[(std::uint64_t{words[2]} * ordinary_.size()) >> 32];
    }
  }
}

std::uint64_t Masking::count(std::uint64_t sample, std::span<const std::int64_t> tokens,
                             std::span<const std::uint8_t> may_count) const {
  const std::vector<std::uint8_t> to_predict = chosen(sample, tokens, may_count);
  return static_cast<std::uint64_t>(std::ranges::count(to_predict, 1));
}

}  // namespace trireme::tokens
