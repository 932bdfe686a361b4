// Published models by name, and the defaults of each architecture.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/spec/config.hpp"

namespace trireme::spec {

/// The sizes of a published model, complete; nothing for an unknown name. Sources: GPT-2 (Radford 2019) with its
/// checkpoints' sizes; Llama 2 (arXiv 2307.09288), Llama 3 (arXiv 2407.21783) and 3.2's config files; TinyLlama (arXiv
/// 2401.02385); SmolLM's config. Dropout is 0 in all (GPT-2 was published with 0.1 for fine-tuning). `sequence` is the
/// length used in pretraining.
std::optional<ModelConfig> preset(const std::string& name);

std::vector<std::string> preset_names();

/// The feed-forward width when model.ffn is left out. gpt2: 4 * hidden. llama: 8/3 * hidden rounded up to a
/// multiple of 256 (SwiGLU's third matrix at equal parameters, arXiv 2002.05202; 4096 -> 11008, as in Llama 2 7B).
std::int64_t default_ffn(Architecture arch, std::int64_t hidden);

/// What a model of this architecture has where nobody says otherwise: 12 layers, hidden 768, 12 heads, sequence 1024;
/// tied embeddings for gpt2, untied ones for llama. kv_heads, ffn and vocab are 0: they depend on other sizes.
ModelConfig defaults_of(Architecture arch);

}  // namespace trireme::spec
