#include "launcher/options/objective.hpp"

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

void refuse_masking(const RunOptions& options) {
  for (const Key& key : key_table()) {
    if (key.section != "masking" || !value_of(options, key)) continue;
    check_trainable(options);  // says more about a model without an output head
    throw InputError(str(key.path(), " is about masked language modelling, and model.mask = causal predicts the next ",
                         "token: leave it out, or take a model with model.mask = full (model.arch = bert)"));
  }
}

std::vector<std::string> names_of_part(const ModelSection& model, const std::string& prefix) {
  std::vector<std::string> names;
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(spec::make_plan(config_of(model)))) {
    if (tensor.name.starts_with(prefix)) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace

bool predicts_masked(const RunOptions& options) {
  return options.model.mask == spec::Mask::kFull && options.model.lm_head.value_or(true);
}

void resolve_masking(RunOptions& options) {
  if (!predicts_masked(options)) {
    refuse_masking(options);
    return;
  }
  const tokens::MaskingRule usual;
  MaskingSection& masking = options.masking;
  masking.fraction = masking.fraction.value_or(usual.fraction);
  masking.mask_token = masking.mask_token.value_or(usual.mask_token);
  masking.random_token = masking.random_token.value_or(usual.random_token);
  masking.whole_words = masking.whole_words.value_or(usual.whole_words);
  tokens::check(masking_rule(options));
}

tokens::MaskingRule masking_rule(const RunOptions& options) {
  const MaskingSection& masking = options.masking;
  return {*masking.fraction, *masking.mask_token, *masking.random_token, *masking.whole_words};
}

void check_trainable(const RunOptions& options) {
  if (*options.model.lm_head) return;
  const bool inherited = !options.model.init_from.empty();
  throw InputError(str("model.lm_head = false", inherited ? " (as in model.init_from)" : "",
                       ": a model without an output head has no loss to train by: set model.lm_head = true",
                       inherited ? ", and the head starts from initial values" : ""));
}

std::vector<std::string> changed_ends(ModelSection initial, const ModelSection& now) {
  complete_model(initial, {});
  std::vector<std::string> names;
  const auto compare = [&](const std::optional<bool>& before, const std::optional<bool>& after, const char* prefix) {
    if (before == after) return;
    for (std::string& name : names_of_part(*after ? now : initial, prefix)) names.push_back(std::move(name));
  };
  compare(initial.lm_head, now.lm_head, "head.");
  compare(initial.pooler, now.pooler, "pooler.");
  return names;
}

}  // namespace trireme::options
