// What the tensors of a public file are: names differ between the classes and versions that wrote it, some tensors are
// copies of others, and some are no parameters.
#pragma once

#include <string>
#include <vector>

#include "collectives/topology/box.hpp"
#include "models/spec/config.hpp"

namespace trireme::spec {

/// A tensor as a file of weights names it.
struct FileTensor {
  std::string name;
  topology::Shape shape;
};

enum class HubRole {
  kParameter,  ///< the source of its logical tensors
  kCopy,       ///< holds the same logical tensors as an earlier kParameter: a tied head, BERT's two names of a bias.
               ///< The reader must check that the numbers are the same: transformers would untie them if not
  kBuffer,     ///< no parameter, and the class computes it itself (a causal mask, position ids, rotary frequencies)
  kUnused,     ///< a parameter of a class that is not trained here (BERT's next-sentence head); no effect on the model
};

/// What a tensor of a file is.
struct HubTensor {
  std::string name;  ///< in the file
  HubRole role = HubRole::kParameter;
  std::vector<std::string> parts;  ///< logical tensors, stacked along dim 0; none for kBuffer and kUnused
  bool transposed = false;         ///< the file's tensor is the stack's transpose

  bool operator==(const HubTensor&) const = default;
};

/// Adapts `config`, which read_hub_config() returned, to what the files hold beside what config.json says: BERT's
/// pooler, an output head in files of a base model. (A head that config.json says and the files lack is missing.)
void fit_to_files(ModelConfig& config, const std::vector<FileTensor>& files);

/// One entry for each of `files`, in their order. Every logical tensor of `config`'s plan is a part of exactly one
/// kParameter. Accepts files with and without the prefix of the family's base model ("transformer.", "model.",
/// "bert."), and BERT's former names of norms (gamma, beta). Throws base::InputError naming the tensor for one that the
/// model does not have, one that is missing, and one of another shape than the plan's. `name` is the directory, for
/// messages.
std::vector<HubTensor> hub_tensors(const ModelConfig& config, const std::vector<FileTensor>& files,
                                   const std::string& name);

/// The files' tensors of a model that never had any: what transformers' save_pretrained writes for the class of
/// write_hub_config(config), in the order of the forward pass. All are kParameter.
std::vector<HubTensor> new_hub_tensors(const ModelConfig& config);

}  // namespace trireme::spec
