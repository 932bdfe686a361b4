// Models of a few thousand parameters.
#pragma once

#include <cstdint>
#include <string>

#include "models/spec/families/family.hpp"

namespace trireme::tests {

struct SmallSizes {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t ffn = 0;
  std::int64_t sequence = 0;
  std::int64_t vocab = 0;
  bool tied = false;
};

/// The family's defaults at these sizes.
inline spec::ModelConfig small_model_of(const std::string& family, const SmallSizes& sizes) {
  spec::ModelConfig model = spec::defaults_of(family, {sizes.layers, sizes.hidden, sizes.heads});
  model.kv_heads = sizes.kv_heads;
  model.ffn = sizes.ffn;
  model.sequence = sizes.sequence;
  model.vocab = sizes.vocab;
  model.tie_embeddings = sizes.tied;
  return model;
}

/// Changes the width of the residual stream, and with it that of the heads.
inline void set_hidden(spec::ModelConfig& model, std::int64_t hidden) {
  model.hidden = hidden;
  model.head_size = hidden / model.heads;
}

}  // namespace trireme::tests
