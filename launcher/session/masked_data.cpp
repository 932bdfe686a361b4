#include "launcher/session/masked_data.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/options/objective.hpp"

namespace trireme::launcher {

namespace {

/// The tokens that are special by what they are for, whether or not the tokenizer flags them so.
std::vector<std::uint32_t> own_tokens(const text::Tokenizer& tokenizer) {
  const text::Wrapping& wrapping = tokenizer.wrapping();
  std::vector<std::uint32_t> ids;
  for (const auto* const list :
       {&wrapping.before, &wrapping.after, &wrapping.between, &wrapping.pair_after, &wrapping.pair_before}) {
    ids.insert(ids.end(), list->begin(), list->end());
  }
  for (const auto id : {tokenizer.mask_token(), tokenizer.pad_token(), tokenizer.unknown_token()}) {
    if (id) ids.push_back(*id);
  }
  return ids;
}

}  // namespace

void mask_as_trained(tokens::DataSource& source, const std::string& key, const options::RunOptions& options) {
  if (!options::predicts_masked(options)) return;
  const std::string& path = source.datasets().front().path();
  const auto tokenizer = text::Tokenizer::parse(source.tokenizer_json(), "the tokenizer of " + path);
  const auto mask_token = tokenizer.mask_token();
  if (!mask_token) {
    throw base::InputError(base::str(key, ": the tokenizer of ", path,
                                     " has no mask token ([MASK] or <mask>), which masked language modelling needs: ",
                                     "prepare the text with a tokenizer that has one"));
  }
  const tokens::MaskingRule rule = options::masking_rule(options);
  tokens::MaskedVocabulary vocabulary;
  vocabulary.mask_token = *mask_token;
  vocabulary.special.assign(source.vocabulary(), 1);
  if (rule.whole_words) vocabulary.continues_word.assign(source.vocabulary(), 0);
  const auto known =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(source.vocabulary(), tokenizer.vocabulary_size()));
  for (std::uint32_t id = 0; id < known; ++id) {
    vocabulary.special[id] = tokenizer.is_special(id) ? 1 : 0;
  }
  for (const std::uint32_t id : own_tokens(tokenizer)) {
    if (id < known) vocabulary.special[id] = 1;
  }
  for (std::uint32_t id = 0; id < known; ++id) {
    if (rule.whole_words && !vocabulary.special[id])
      vocabulary.continues_word[id] = tokenizer.continues_word(id) ? 1 : 0;
  }
  for (const tokens::TokenDataset& dataset : source.datasets()) {
    vocabulary.special[static_cast<std::size_t>(dataset.header().end_of_text)] = 1;
  }
  source.mask_tokens(rule, std::move(vocabulary));
}

}  // namespace trireme::launcher
