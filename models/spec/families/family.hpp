// Families of models: what their members have in common, as defaults of the [model] keys, published sizes, and names of
// tensors in public files. A new family is one file here, a line in families.cpp, and its tests.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/spec/config.hpp"

namespace trireme::spec {

struct Preset {
  std::string name;
  ModelConfig config;  ///< complete; dropout is 0; `sequence` is the length used in pretraining
};

/// A tensor as the family's public files hold it.
struct PublicTensor {
  std::string name;
  std::vector<std::string> parts;  ///< logical tensors, stacked along dim 0
  bool transposed = false;         ///< the public tensor is the stack's transpose

  bool operator==(const PublicTensor&) const = default;
};

/// The sizes on which other defaults depend.
struct Sizes {
  std::int64_t layers = 12;
  std::int64_t hidden = 768;
  std::int64_t heads = 12;
};

struct HubClass;  // models/spec/families/hub_class.hpp

/// Tensors of public files beyond patterns(): {} stands for the layer.
struct HubNames {
  std::string prefix;                ///< of the base model's tensors, which files of that class leave out
  std::vector<std::string> buffers;  ///< computed, no parameters
  std::vector<std::string> unused;   ///< parameters of heads that no model here has
  std::vector<PublicTensor> copies;  ///< second names of what patterns() names
  std::vector<std::pair<std::string, std::string>> former_endings;  ///< and today's
};

struct Family {
  const char* name;
  const char* about;                      ///< its members and what distinguishes them, in a line
  ModelConfig (*defaults)(const Sizes&);  ///< complete but for vocab, which is 0
  std::vector<Preset> (*presets)();
  /// Names with {} for the layer, for a model like the plan; those of tensors that it lacks do not count.
  std::vector<PublicTensor> (*patterns)(const ModelPlan&);
  std::vector<HubClass> (*hub_classes)();  ///< of transformers, the commonest first
  HubNames (*hub_names)();
};

const std::vector<Family>& families();
std::vector<std::string> family_names();
/// Throws base::InputError naming those that exist.
const Family& family(const std::string& name);

/// What a model of this family has where nobody says otherwise.
ModelConfig defaults_of(const std::string& family_name, const Sizes& sizes = {});

/// A published model by name; nothing for an unknown one.
std::optional<ModelConfig> preset(const std::string& name);
std::vector<std::string> preset_names();

/// The plan's tensors as files of its family name them, in the order of the forward pass. Logical tensors that the
/// family's public models do not have (a researcher's q/k norm in a GPT-2) have no entry.
std::vector<PublicTensor> public_tensors(const ModelPlan& plan);

// ---- For the files of families ----

/// hidden 8/3 rounded up to a multiple of 256: a gated block's third matrix at equal parameters (Shazeer, arXiv
/// 2002.05202; 4096 -> 11008, as in Llama 2 7B).
std::int64_t gated_width(std::int64_t hidden);

/// A decoder as most are built today: RMSNorm before each half, rotary positions, a gated feed-forward with SiLU, no
/// biases, an untied head; sequence 1024.
ModelConfig decoder(const std::string& family_name, const Sizes& sizes);

/// Names of the tensors that Llama and its descendants share in their files: names of norms go by their place, those of
/// a feed-forward without a gate are Starcoder 2's.
std::vector<PublicTensor> decoder_patterns(const ModelPlan& plan);
/// The other names in these files.
HubNames decoder_hub_names();

}  // namespace trireme::spec
