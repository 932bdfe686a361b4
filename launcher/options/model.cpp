#include "launcher/options/model.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/properties.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

void refuse_another_family(const std::string& arch, const std::string& other, const std::string& source) {
  if (arch.empty() || other.empty() || arch == other) return;
  throw InputError(
      str("model.arch = ", arch, " contradicts ", source, ", which is a ", other, ": leave one of them out"));
}

// What properties default to before the family's defaults: the preset, or the checkpoint to start from.
ModelSection base_model(const ModelSection& given, const Surroundings& surroundings) {
  ModelSection known;
  if (surroundings.initial_model != nullptr) known = *surroundings.initial_model;
  if (given.preset.empty()) {
    refuse_another_family(given.arch, known.arch, "model.init_from = " + given.init_from);
    return known;
  }
  ModelSection preset = properties_of(given.preset);
  preset.dropout = known.dropout;
  preset.init_std = known.init_std;
  refuse_another_family(given.arch, preset.arch, "model.preset = " + given.preset);
  return preset;
}

// A property that a given key implies must not come from the preset: other heads mean other kv_heads, and so on.
void forget_implied(ModelSection& known, const ModelSection& given) {
  if (given.heads) known.kv_heads.reset();
  if (given.heads || given.hidden) known.head_size.reset();
  if (given.hidden) {
    known.ffn.reset();
    known.embedding_scale.reset();
  }
}

// A property that a given key rules out is off unless it is given too, whatever the preset or the family has: without
// rotary positions there is no base of angles, a full mask has no window, RMSNorm has no bias.
void rule_out(ModelSection& section, const ModelSection& given) {
  const spec::ModelConfig off = spec::decoder("", {});
  const auto turn_off = [&](auto... members) { ((section.*members.first = off.*members.second), ...); };
  if (given.positions && *given.positions != spec::Positions::kRotary) {
    turn_off(std::pair(&ModelSection::rope_theta, &spec::ModelConfig::rope_theta),
             std::pair(&ModelSection::rope_scaling, &spec::ModelConfig::rope_scaling),
             std::pair(&ModelSection::rope_factor, &spec::ModelConfig::rope_factor),
             std::pair(&ModelSection::rope_original_sequence, &spec::ModelConfig::rope_original_sequence),
             std::pair(&ModelSection::rope_attention_factor, &spec::ModelConfig::rope_attention_factor),
             std::pair(&ModelSection::rope_fraction, &spec::ModelConfig::rope_fraction));
  }
  // Another stretching has parameters of its own.
  if (given.rope_scaling && given.rope_scaling != section.rope_scaling) {
    turn_off(std::pair(&ModelSection::rope_factor, &spec::ModelConfig::rope_factor),
             std::pair(&ModelSection::rope_original_sequence, &spec::ModelConfig::rope_original_sequence),
             std::pair(&ModelSection::rope_low_frequency, &spec::ModelConfig::rope_low_frequency),
             std::pair(&ModelSection::rope_high_frequency, &spec::ModelConfig::rope_high_frequency),
             std::pair(&ModelSection::rope_beta_fast, &spec::ModelConfig::rope_beta_fast),
             std::pair(&ModelSection::rope_beta_slow, &spec::ModelConfig::rope_beta_slow),
             std::pair(&ModelSection::rope_attention_factor, &spec::ModelConfig::rope_attention_factor));
  }
  if (given.mask == spec::Mask::kFull) turn_off(std::pair(&ModelSection::window, &spec::ModelConfig::window));
  if (given.norm == spec::NormKind::kRms) turn_off(std::pair(&ModelSection::norm_bias, &spec::ModelConfig::norm_bias));
}

void check_vocabulary(const ModelSection& model, const Surroundings& surroundings) {
  if (*model.vocab >= surroundings.dataset_vocab) return;
  const bool inherited = surroundings.initial_model != nullptr && surroundings.initial_model->vocab == model.vocab;
  throw InputError(
      str("model.vocab = ", *model.vocab, inherited ? " of model.init_from" : "",
          " is smaller than the vocabulary of data.train, ", surroundings.dataset_vocab,
          inherited ? str(" tokens: set model.vocab to at least that, with checkpoint.allow = ", growing_tensors(model))
                    : " tokens: leave model.vocab out, or set it to at least that"));
}

}  // namespace

void complete_model(ModelSection& model, const Surroundings& surroundings) {
  ModelSection known = base_model(model, surroundings);
  forget_implied(known, model);
  rule_out(known, model);
  if (model.arch.empty()) model.arch = known.arch.empty() ? "llama" : known.arch;
  spec::Sizes sizes;
  const auto chosen = [&](auto given, std::int64_t otherwise) {
    return model.*given ? *(model.*given) : (known.*given).value_or(otherwise);
  };
  sizes.layers = chosen(&ModelSection::layers, sizes.layers);
  sizes.hidden = chosen(&ModelSection::hidden, sizes.hidden);
  sizes.heads = chosen(&ModelSection::heads, sizes.heads);
  spec::ModelConfig defaults = spec::defaults_of(model.arch, sizes);
  defaults.vocab = surroundings.dataset_vocab;
  spec::for_each_property([&](const auto& property) {
    auto& own = model.*property.kGiven;
    if (!own) own = (known.*property.kGiven).value_or(defaults.*property.kValue);
  });
  check_vocabulary(model, surroundings);
}

spec::ModelConfig config_of(const ModelSection& model) {
  spec::ModelConfig config;
  config.arch = model.arch;
  spec::for_each_property([&](const auto& property) { config.*property.kValue = *(model.*property.kGiven); });
  return config;
}

ModelSection properties_of(const std::string& name) {
  const spec::ModelConfig preset = *spec::preset(name);
  ModelSection section;
  section.arch = preset.arch;
  spec::for_each_property([&](const auto& property) { section.*property.kGiven = preset.*property.kValue; });
  section.dropout.reset();  // how a model was trained is no part of what it is
  section.init_std.reset();
  return section;
}

ModelSection stored_model(ModelSection stored) {
  const bool rotary = spec::defaults_of(stored.arch).positions == spec::Positions::kRotary;
  if (!stored.positions && !rotary) stored.rope_theta.reset();
  return stored;
}

std::string growing_tensors(const ModelSection& model) {
  std::vector<std::string> names = {"grow:embed.tokens"};
  if (!model.tie_embeddings.value_or(false)) names.push_back("grow:head.weight");
  if (model.head_bias.value_or(false)) names.push_back("grow:head.bias");
  return base::join(names);
}

}  // namespace trireme::options
