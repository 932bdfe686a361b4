// The tensors of a GPT-2 with one layer as its files hold them, and the config.json that goes with them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "io/safetensors/header.hpp"

namespace trireme::launcher {

/// 11 tokens, 8 wide, 2 heads, 6 positions.
inline base::Json small_gpt2_config() {
  return {{"model_type", "gpt2"}, {"architectures", {"GPT2LMHeadModel"}},
          {"vocab_size", 11},     {"n_embd", 8},
          {"n_layer", 1},         {"n_head", 2},
          {"n_positions", 6}};
}

/// In bf16, without the copy of the tied head; not yet placed.
inline std::vector<safetensors::Tensor> small_gpt2_tensors() {
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes = {{"h.0.attn.c_attn.bias", {24}},
                                                                                 {"h.0.attn.c_attn.weight", {8, 24}},
                                                                                 {"h.0.attn.c_proj.bias", {8}},
                                                                                 {"h.0.attn.c_proj.weight", {8, 8}},
                                                                                 {"h.0.ln_1.bias", {8}},
                                                                                 {"h.0.ln_1.weight", {8}},
                                                                                 {"h.0.ln_2.bias", {8}},
                                                                                 {"h.0.ln_2.weight", {8}},
                                                                                 {"h.0.mlp.c_fc.bias", {32}},
                                                                                 {"h.0.mlp.c_fc.weight", {8, 32}},
                                                                                 {"h.0.mlp.c_proj.bias", {8}},
                                                                                 {"h.0.mlp.c_proj.weight", {32, 8}},
                                                                                 {"ln_f.bias", {8}},
                                                                                 {"ln_f.weight", {8}},
                                                                                 {"wpe.weight", {6, 8}},
                                                                                 {"wte.weight", {11, 8}}};
  std::vector<safetensors::Tensor> tensors;
  for (const auto& [name, shape] : shapes) tensors.push_back({name, safetensors::ElementType::kBF16, shape});
  return tensors;
}

}  // namespace trireme::launcher
