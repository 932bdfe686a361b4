// BERT (Devlin et al., arXiv 1810.04805): every token sees all others, norms after the residual addition, a masked-LM
// head.
#include "models/spec/families/files.hpp"
#include "models/spec/families/hub_class.hpp"

namespace trireme::spec {
namespace {

ModelConfig defaults(const Sizes& sizes) {
  ModelConfig config = decoder("bert", sizes);
  config.ffn = 4 * sizes.hidden;
  config.sequence = 512;
  config.tie_embeddings = true;
  config.norm = NormKind::kLayer;
  config.norm_bias = true;
  config.norm_place = NormPlace::kAfterResidual;
  config.norm_eps = 1e-12;
  config.final_norm = false;
  config.positions = Positions::kLearned;
  config.mask = Mask::kFull;
  config.qkv_bias = true;
  config.o_bias = true;
  config.ffn_gated = false;
  config.activation = Activation::kGelu;
  config.ffn_bias = true;
  config.token_types = 2;
  config.embedding_norm = true;
  config.head_bias = true;
  config.head_transform = true;
  return config;
}

Preset published(const char* name, const Sizes& sizes, std::int64_t vocab) {
  Preset preset{name, defaults(sizes)};
  preset.config.vocab = vocab;
  return preset;
}

std::vector<Preset> presets() {
  return {published("bert-base", {12, 768, 12}, 30522), published("bert-large", {24, 1024, 16}, 30522)};
}

/// A linear or a norm has a weight and a bias.
void add_module(std::vector<PublicTensor>& patterns, const std::string& theirs, const std::string& ours) {
  for (const std::string kind : {".weight", ".bias"}) patterns.push_back({theirs + kind, {ours + kind}});
}

std::vector<PublicTensor> patterns(const ModelPlan& plan) {
  std::vector<PublicTensor> patterns = {
      {"bert.embeddings.word_embeddings.weight", {"embed.tokens"}},
      {"bert.embeddings.position_embeddings.weight", {"embed.positions"}},
      {"bert.embeddings.token_type_embeddings.weight", {"embed.types"}},
      {"cls.predictions.decoder.weight", {"head.weight"}},
      // A tied head's bias has a second name there, an untied one uses that of its linear.
      {plan.head.tied ? "cls.predictions.bias" : "cls.predictions.decoder.bias", {"head.bias"}},
  };
  add_module(patterns, "bert.embeddings.LayerNorm", "embed.norm");
  const std::string theirs = "bert.encoder.layer.{}.", ours = "layers.{}.";
  add_module(patterns, theirs + "attention.self.query", ours + "attention.q");
  add_module(patterns, theirs + "attention.self.key", ours + "attention.k");
  add_module(patterns, theirs + "attention.self.value", ours + "attention.v");
  add_module(patterns, theirs + "attention.output.dense", ours + "attention.o");
  add_module(patterns, theirs + "attention.output.LayerNorm", ours + "attention_post_norm");
  add_module(patterns, theirs + "intermediate.dense", ours + "ffn.up");
  add_module(patterns, theirs + "output.dense", ours + "ffn.down");
  add_module(patterns, theirs + "output.LayerNorm", ours + "ffn_post_norm");
  add_module(patterns, "bert.pooler.dense", "pooler");
  add_module(patterns, "cls.predictions.transform.dense", "head.transform");
  add_module(patterns, "cls.predictions.transform.LayerNorm", "head.transform_norm");
  return patterns;
}

// ---- config.json ----

std::vector<HubField> fields() {
  return {hub_size("vocab_size", &ModelConfig::vocab),
          hub_size("hidden_size", &ModelConfig::hidden),
          hub_size("num_hidden_layers", &ModelConfig::layers),
          hub_size("num_attention_heads", &ModelConfig::heads),
          hub_size("intermediate_size", &ModelConfig::ffn),
          hub_size("max_position_embeddings", &ModelConfig::sequence),
          hub_size("type_vocab_size", &ModelConfig::token_types, 2),
          hub_activation("hidden_act", "gelu"),
          hub_number("layer_norm_eps", &ModelConfig::norm_eps, 1e-12),
          hub_number("initializer_range", &ModelConfig::init_std, 0.02),
          hub_flag("tie_word_embeddings", {&ModelConfig::tie_embeddings}, true),
          hub_fixed("position_embedding_type", "absolute", "positions are learned vectors"),
          hub_ignored("hidden_dropout_prob", "dropout is the run file's"),
          hub_ignored("attention_probs_dropout_prob", "attention's probabilities have no dropout here")};
}

void read(HubReader&, ModelConfig&) {}

void write(const ModelConfig& config, base::Json& json) {
  json["hidden_dropout_prob"] = config.dropout;
  json["attention_probs_dropout_prob"] = 0.0;
}

std::vector<HubClass> hub_classes() {
  return {
      {"bert", "BertForMaskedLM", "BertModel", {"BertForPreTraining"}, fields(), defaults, read, write, false, true}};
}

HubNames hub_names() {
  return {"bert.",
          {"bert.embeddings.position_ids", "bert.embeddings.token_type_ids"},
          {"cls.seq_relationship.weight", "cls.seq_relationship.bias", "cls.predictions.bias"},
          {{"cls.predictions.decoder.weight", {"embed.tokens"}}, {"cls.predictions.decoder.bias", {"head.bias"}}},
          {{".LayerNorm.gamma", ".LayerNorm.weight"}, {".LayerNorm.beta", ".LayerNorm.bias"}}};
}

}  // namespace

Family bert() {
  return {"bert",   "BERT: a token sees all others, norms after the residual addition, a masked-LM head",
          defaults, presets,
          patterns, hub_classes,
          hub_names};
}

}  // namespace trireme::spec
