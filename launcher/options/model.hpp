// Completes the [model] section: what was given, else the preset's, else the checkpoint's to start from, else the
// family's.
#pragma once

#include <string>

#include "launcher/options/resolve.hpp"
#include "launcher/options/run_options.hpp"
#include "models/spec/config.hpp"

namespace trireme::options {

/// Sets every property that is not given. Throws base::InputError when model.arch contradicts the preset or the
/// checkpoint to start from, and for a vocabulary smaller than the dataset's.
void complete_model(ModelSection& model, const Surroundings& surroundings);

/// What a complete section says.
spec::ModelConfig config_of(const ModelSection& model);

/// The properties of the published model `preset`, which must exist.
ModelSection properties_of(const std::string& preset);

/// The section that a checkpoint stores, for today's keys: version 0.1 stored a base of rotary angles for every
/// architecture, and read it in llama only. `stored.arch` must be a family.
ModelSection stored_model(ModelSection stored);

/// The tensors with a row for each token, as checkpoint.allow names them for a vocabulary that grows.
std::string growing_tensors(const ModelSection& model);

}  // namespace trireme::options
