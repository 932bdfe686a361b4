#include "launcher/session/masked_data.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/options/objective.hpp"

namespace trireme::launcher {

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
    const bool special = tokenizer.is_special(id) || id == *mask_token;
    vocabulary.special[id] = special ? 1 : 0;
    if (rule.whole_words && !special) vocabulary.continues_word[id] = tokenizer.continues_word(id) ? 1 : 0;
  }
  for (const tokens::TokenDataset& dataset : source.datasets()) {
    vocabulary.special[static_cast<std::size_t>(dataset.header().end_of_text)] = 1;
  }
  source.mask_tokens(rule, std::move(vocabulary));
}

}  // namespace trireme::launcher
