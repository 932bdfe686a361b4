// The sizes of a model: for each its key in a run file's [model] section, the member of ModelSection that holds what
// was given, and the member of spec::ModelConfig that it becomes. Keys, --help, presets and resolution all go through
// this table. model.preset, init_from and arch are no sizes and stand in keys.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>

#include "launcher/options/run_options.hpp"
#include "models/spec/config.hpp"

namespace trireme::options {

/// `Given` is a std::optional<T> ModelSection::*, `Member` a T spec::ModelConfig::*.
template <auto Given, auto Member>
struct ModelField {
  static constexpr auto kGiven = Given;
  static constexpr auto kMember = Member;

  const char* name;
  const char* unit;
  const char* help;
  const char* default_words;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;
  bool high_excluded = false;
};

// Past any use, and low enough that sizes multiply without overflow.
inline constexpr double kMostLayers = 1e5;
inline constexpr double kMostSize = 1e8;

/// In the order of the run file.
inline constexpr std::tuple kModelFields{
    ModelField<&ModelSection::layers, &spec::ModelConfig::layers>{"layers", "", "transformer layers",
                                                                  "the preset's, else 12", 1, kMostLayers},
    ModelField<&ModelSection::hidden, &spec::ModelConfig::hidden>{"hidden", "", "width of the residual stream",
                                                                  "the preset's, else 768", 1, kMostSize},
    ModelField<&ModelSection::heads, &spec::ModelConfig::heads>{"heads", "", "attention heads; divides hidden",
                                                                "the preset's, else 12", 1, kMostSize},
    ModelField<&ModelSection::kv_heads, &spec::ModelConfig::kv_heads>{
        "kv_heads", "", "key/value heads of grouped-query attention (llama); divides heads", "the preset's, else heads",
        1, kMostSize},
    ModelField<&ModelSection::ffn, &spec::ModelConfig::ffn>{
        "ffn", "", "inner width of the feed-forward block",
        "the preset's, else gpt2: 4 hidden; llama: 8/3 hidden, rounded up to a multiple of 256", 1, kMostSize},
    ModelField<&ModelSection::sequence, &spec::ModelConfig::sequence>{
        "sequence", "tokens", "length of a training sample", "the preset's, else 1024", 1, kMostSize},
    ModelField<&ModelSection::vocab, &spec::ModelConfig::vocab>{"vocab", "tokens", "entries of the vocabulary",
                                                                "the preset's, else the dataset's", 1, kMostSize},
    ModelField<&ModelSection::tie_embeddings, &spec::ModelConfig::tie_embeddings>{
        "tie_embeddings", "", "the output head is the token embedding",
        "the preset's, else true for gpt2, false for llama"},
    ModelField<&ModelSection::dropout, &spec::ModelConfig::dropout>{
        "dropout", "", "probability, after the embedding and on both residual branches", "0", 0, 1, false, true},
    ModelField<&ModelSection::init_std, &spec::ModelConfig::init_std>{
        "init_std", "", "standard deviation of initial weights; residual projections get init_std / sqrt(2 layers)",
        "0.02", 0, std::numeric_limits<double>::infinity(), true},
    ModelField<&ModelSection::rope_theta, &spec::ModelConfig::rope_theta>{
        "rope_theta", "", "base of the rotary position embedding (llama)", "the preset's, else 10000", 0,
        std::numeric_limits<double>::infinity(), true},
    ModelField<&ModelSection::norm_eps, &spec::ModelConfig::norm_eps>{"norm_eps", "",
                                                                      "added to the variance in every norm", "1e-05", 0,
                                                                      std::numeric_limits<double>::infinity(), true},
};

/// Calls visit(field) for each of them.
template <typename Visit>
void for_each_model_field(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kModelFields);
}

}  // namespace trireme::options
