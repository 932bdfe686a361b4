#include "models/spec/families/hub_fields.hpp"

#include <array>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_rotary.hpp"

namespace trireme::spec {

using base::Json;
using base::str;

namespace {

struct ActivationName {
  const char* word;
  Activation activation;
};

// The first name of a function is the one that is written. gelu_fast has the constant sqrt(2 / pi) with ten digits,
// which is the same number in fp32.
constexpr std::array kActivations{
    ActivationName{"gelu", Activation::kGelu},
    ActivationName{"gelu_python", Activation::kGelu},
    ActivationName{"gelu_pytorch_tanh", Activation::kGeluTanh},
    ActivationName{"gelu_new", Activation::kGeluTanh},
    ActivationName{"gelu_fast", Activation::kGeluTanh},
    ActivationName{"gelu_accurate", Activation::kGeluTanh},
    ActivationName{"gelu_python_tanh", Activation::kGeluTanh},
    ActivationName{"silu", Activation::kSilu},
    ActivationName{"swish", Activation::kSilu},
    ActivationName{"relu", Activation::kRelu},
};

std::string known_activations() {
  std::vector<std::string> words;
  for (const ActivationName& each : kActivations) words.emplace_back(each.word);
  return base::join(words);
}

/// Reads the value of a row into a key. One overload for each type of key.
struct FieldReader {
  HubReader& reader;
  const std::string& field;
  ModelConfig& config;

  void operator()(std::int64_t ModelConfig::*target) const { config.*target = reader.size(field); }
  void operator()(double ModelConfig::*target) const { config.*target = reader.number(field); }
  void operator()(bool ModelConfig::*target) const { config.*target = reader.flag(field); }
  void operator()(Activation ModelConfig::*target) const {
    const auto known = hub_activation_of(reader.word(field));
    if (!known) reader.refuse(field, str("it is none of the supported functions: ", known_activations()));
    config.*target = *known;
  }
};

struct FieldWriter {
  const ModelConfig& config;

  Json operator()(std::int64_t ModelConfig::*target) const { return config.*target; }
  Json operator()(double ModelConfig::*target) const { return config.*target; }
  Json operator()(bool ModelConfig::*target) const { return config.*target; }
  Json operator()(Activation ModelConfig::*target) const {
    for (const ActivationName& each : kActivations) {
      if (each.activation == config.*target) return each.word;
    }
    return nullptr;
  }
};

void read_row(HubReader& reader, const HubField& row, ModelConfig& config) {
  const Json* value = reader.find(row.name);
  if (value == nullptr && (row.nullable && row.value.is_null())) return;
  if (value != nullptr && value->is_null() && row.nullable) return;
  if (value == nullptr && !row.value.is_null()) {
    const Json absent = {{row.name, row.value}};
    HubReader otherwise(absent, "");
    for (const HubTarget& target : row.targets) std::visit(FieldReader{otherwise, row.name, config}, target);
    return;
  }
  for (const HubTarget& target : row.targets) std::visit(FieldReader{reader, row.name, config}, target);
}

void check_fixed(HubReader& reader, const HubField& row) {
  const Json* value = reader.find(row.name);
  // Whatever is null or empty asks for nothing.
  if (value == nullptr || value->is_null() || *value == row.value) return;
  if (value->is_structured() && value->empty()) return;
  if (row.value.is_null()) reader.refuse(row.name, str("not supported: ", row.about));
  reader.refuse(row.name, str("only ", shown(row.value), " is supported: ", row.about));
}

}  // namespace

std::optional<Activation> hub_activation_of(const std::string& word) {
  for (const ActivationName& each : kActivations) {
    if (word == each.word) return each.activation;
  }
  return std::nullopt;
}

HubField hub_size(const char* name, std::int64_t ModelConfig::*target, Json absent) {
  return {name, HubUse::kRead, {target}, std::move(absent), false, ""};
}

HubField hub_number(const char* name, double ModelConfig::*target, Json absent) {
  return {name, HubUse::kRead, {target}, std::move(absent), false, ""};
}

HubField hub_flag(const char* name, std::vector<bool ModelConfig::*> targets, bool absent) {
  return {name, HubUse::kRead, {targets.begin(), targets.end()}, absent, false, ""};
}

HubField hub_activation(const char* name, const char* absent) {
  return {name, HubUse::kRead, {&ModelConfig::activation}, absent, false, ""};
}

HubField nullable(HubField row, const char* about) {
  row.nullable = true;
  row.about = about;
  return row;
}

HubField hub_code(const char* name, const char* about) { return {name, HubUse::kCode, {}, nullptr, false, about}; }

HubField hub_ignored(const char* name, const char* about) {
  return {name, HubUse::kIgnored, {}, nullptr, false, about};
}

HubField hub_fixed(const char* name, Json value, const char* about) {
  return {name, HubUse::kFixed, {}, std::move(value), false, about};
}

void read_fields(HubReader& reader, const std::vector<HubField>& fields, ModelConfig& config) {
  for (const HubField& row : fields) {
    switch (row.use) {
      case HubUse::kRead: read_row(reader, row, config); break;
      case HubUse::kIgnored: reader.find(row.name); break;
      case HubUse::kFixed: check_fixed(reader, row); break;
      case HubUse::kCode: break;  // stays unknown until the class's function reads it
    }
  }
}

void write_fields(const ModelConfig& config, const std::vector<HubField>& fields, Json& json) {
  for (const HubField& row : fields) {
    if (row.use != HubUse::kRead) continue;
    json[row.name] = std::visit(FieldWriter{config}, row.targets.front());
  }
}

std::vector<HubField> with_rows(std::vector<HubField> fields, const std::vector<HubField>& rows) {
  fields.insert(fields.end(), rows.begin(), rows.end());
  return fields;
}

std::vector<HubField> hub_decoder_fields() {
  return with_rows(
      {hub_size("vocab_size", &ModelConfig::vocab), hub_size("hidden_size", &ModelConfig::hidden),
       hub_size("num_hidden_layers", &ModelConfig::layers), hub_size("num_attention_heads", &ModelConfig::heads),
       hub_size("intermediate_size", &ModelConfig::ffn), hub_size("max_position_embeddings", &ModelConfig::sequence),
       hub_activation("hidden_act", "silu"), hub_number("initializer_range", &ModelConfig::init_std, 0.02),
       hub_ignored("attention_dropout", "attention's probabilities have no dropout here")},
      rotary_fields());
}

const std::vector<HubField>& common_hub_fields() {
  constexpr const char* kLibrary = "how transformers loads and answers";
  constexpr const char* kTokens =
      "ids of special tokens are the tokenizer's; no embedding is left untrained as padding";
  constexpr const char* kLabels = "labels of classifiers";
  constexpr const char* kSampling = "default of generation, which the command line sets";
  static const std::vector<HubField> fields = [] {
    std::vector<HubField> all = {
        hub_code("model_type", "the class of models"),
        hub_code("architectures", "with or without an output head"),
        hub_fixed("quantization_config", nullptr, "weights are not quantized; export them in full precision first"),
        hub_fixed("auto_map", nullptr, "the model runs code of its own, which Trireme does not"),
        hub_fixed("is_decoder", false, "the mask is the family's"),
        hub_fixed("is_encoder_decoder", false, "there are no encoder-decoders"),
        hub_fixed("add_cross_attention", false, "there is no cross-attention"),
        hub_fixed("cross_attention_hidden_size", nullptr, "there is no cross-attention"),
        hub_fixed("tie_encoder_decoder", false, "there are no encoder-decoders"),
        hub_fixed("pruned_heads", nullptr, "all layers have all heads"),
        hub_fixed("per_layer_config", nullptr, "layers differ only in windows and angles"),
        hub_ignored("transformers_version", kLibrary),
        hub_ignored("torch_dtype", "the files say how weights are stored, train.precision how they are used"),
        hub_ignored("dtype", "the files say how weights are stored, train.precision how they are used"),
    };
    for (const char* name :
         {"name_or_path", "attn_implementation", "tie_last_hidden_states", "use_cache", "output_attentions",
          "output_hidden_states", "output_past", "return_dict", "torchscript", "use_bfloat16", "tf_legacy_loss",
          "chunk_size_feed_forward", "gradient_checkpointing", "tokenizer_class", "transformers.js_config",
          "unsloth_version", "unsloth_fixed", "license"}) {
      all.push_back(hub_ignored(name, kLibrary));
    }
    for (const char* name :
         {"bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id", "cls_token_id",
          "mask_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id"}) {
      all.push_back(hub_ignored(name, kTokens));
    }
    for (const char* name :
         {"id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "classifier_dropout"}) {
      all.push_back(hub_ignored(name, kLabels));
    }
    for (const char* name : {"max_length",
                             "min_length",
                             "max_new_tokens",
                             "do_sample",
                             "early_stopping",
                             "num_beams",
                             "num_beam_groups",
                             "diversity_penalty",
                             "temperature",
                             "top_k",
                             "top_p",
                             "typical_p",
                             "repetition_penalty",
                             "length_penalty",
                             "no_repeat_ngram_size",
                             "encoder_no_repeat_ngram_size",
                             "bad_words_ids",
                             "num_return_sequences",
                             "output_scores",
                             "return_dict_in_generate",
                             "remove_invalid_values",
                             "exponential_decay_length_penalty",
                             "suppress_tokens",
                             "begin_suppress_tokens",
                             "prefix",
                             "task_specific_params",
                             "cache_implementation"}) {
      all.push_back(hub_ignored(name, kSampling));
    }
    return all;
  }();
  return fields;
}

}  // namespace trireme::spec
