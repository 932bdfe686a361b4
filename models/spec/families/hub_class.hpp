// A class of public models in Hugging Face's transformers, as its config.json says it.
#pragma once

#include <string>
#include <vector>

#include "models/spec/families/family.hpp"
#include "models/spec/families/hub_fields.hpp"

namespace trireme::spec {

struct HubClass {
  std::string model_type;
  std::string language_model;          ///< the class with an output head, as `architectures` says it
  std::string base_model;              ///< the class without
  std::vector<std::string> also;       ///< other classes whose files are read as the language model's
  std::vector<HubField> fields;        ///< beside common_hub_fields()
  ModelConfig (*start)(const Sizes&);  ///< what no field of the class says
  /// The fields of use kCode. `config` has what the rows say.
  void (*read)(HubReader& reader, ModelConfig& config);
  /// Adds those fields. Need not check whether the class can say what `config` says.
  void (*write)(const ModelConfig& config, base::Json& json);
  bool even_heads = false;  ///< transformers refuses a number of heads that does not divide the width
  bool own_head = false;    ///< the head has more weights than the embedding's, and the base model has a pooler (BERT)
};

/// All of them, family by family.
const std::vector<HubClass>& hub_classes();

/// The content of `reader`, which is a config.json of this class; not yet checked by make_plan().
ModelConfig read_with(HubReader& reader, const HubClass& kind);

/// A class that can say what `config` says.
struct HubChoice {
  std::string family;  ///< whose names the tensors have; the model's own, or one with the same properties
  base::Json json;     ///< config.json
};
/// Throws base::InputError as write_hub_config() does.
HubChoice choose_hub_class(const ModelConfig& config);

// ---- For the files of families ----

/// The rows of nearly all decoders: sizes, RMSNorm's epsilon, initial weights; not kv_heads, head_dim, activation and
/// biases.
std::vector<HubField> hub_decoder_fields();
/// `rows` appended to `fields`.
std::vector<HubField> with_rows(std::vector<HubField> fields, const std::vector<HubField>& rows);

}  // namespace trireme::spec
