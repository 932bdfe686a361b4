// config.json of public models (the format of Hugging Face's transformers) and our keys, in both directions.
//
// Every field of a config.json must be in the tables of its model_type: it is read; it is ignorable, since it changes
// no number of training or inference (use_cache, ids of special tokens, dropouts, which a run file sets, …); or it must
// have a given value, since it would change what is computed in a way that we do not do (quantization_config,
// pretraining_tp, scale_attn_by_inverse_layer_idx, …). Fields that are absent have the value that transformers 5 gives
// them.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "models/spec/config.hpp"

namespace trireme::spec {

/// The model that `config`, the content of a config.json, describes; complete, with dropout 0, and accepted by
/// make_plan(). `name` is the file, for messages. Throws base::InputError, in one sentence that names the field, its
/// value and what is supported: for an unknown model_type or architecture, an unknown field (unless it is null or
/// empty), a missing or absurd size, a value of a wrong type, and everything that we do not do. `config` may be any
/// JSON.
///
/// What only the file of weights can say (whether a head is there, a pooler) is up to fit_to_files()
/// (models/spec/families/hub_tensors.hpp).
ModelConfig read_hub_config(const base::Json& config, const std::string& name);

/// A config.json for a model that never had one, from which transformers' AutoConfig makes a model that computes the
/// same numbers; its class stands in `architectures`. Ids of special tokens are null and there is no dtype: they
/// are the tokenizer's and the weights', for the caller to add. Throws base::InputError naming the property that no
/// public class has (norms of queries and keys in a GPT-2). read_hub_config() of the result is `config`, but for
/// `dropout`, and for lists over the layers, which may be repeated otherwise.
base::Json write_hub_config(const ModelConfig& config);

/// The model types that read_hub_config() knows, in the order of docs/hub.md.
std::vector<std::string> hub_model_types();

}  // namespace trireme::spec
