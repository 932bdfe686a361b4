// Compares the models that two checkpoints store.
#pragma once

#include <optional>
#include <string>

#include "launcher/options/run_options.hpp"

namespace trireme::options {

struct ModelDifference {
  std::string key;  ///< "model.heads"
  std::string one;  ///< its values, as in a run file
  std::string other;
};

/// The first key of [model], in the order of the run file, in which the models of two stored run files differ; nothing
/// when they are the same model. Keys that say how a model was trained or where it came from (preset, init_from,
/// dropout, init_std) are not compared, nor is anything when neither run file names a family, as those of checkpoints
/// that no run of Trireme wrote.
std::optional<ModelDifference> model_difference(const RunOptions& one, const RunOptions& other);

}  // namespace trireme::options
