// BERT (Devlin et al., arXiv 1810.04805): every token sees all others, norms after the residual addition, a masked-LM
// head.
#include "models/spec/families/files.hpp"

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

std::vector<PublicTensor> patterns() {
  std::vector<PublicTensor> patterns = {
      {"bert.embeddings.word_embeddings.weight", {"embed.tokens"}},
      {"bert.embeddings.position_embeddings.weight", {"embed.positions"}},
      {"bert.embeddings.token_type_embeddings.weight", {"embed.types"}},
      {"cls.predictions.decoder.weight", {"head.weight"}},
      {"cls.predictions.bias", {"head.bias"}},
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
  add_module(patterns, "cls.predictions.transform.dense", "head.transform");
  add_module(patterns, "cls.predictions.transform.LayerNorm", "head.transform_norm");
  return patterns;
}

}  // namespace

Family bert() {
  return {"bert", "BERT: a token sees all others, norms after the residual addition, a masked-LM head", defaults,
          presets, patterns};
}

}  // namespace trireme::spec
