// Turns options into a training that can start: fills in every default and makes every cross-check before anything is
// loaded or allocated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/topology/mesh.hpp"
#include "launcher/options/run_options.hpp"
#include "models/schedule/schedule.hpp"
#include "models/spec/config.hpp"

namespace trireme::options {

/// What the options depend on when the program starts.
struct Surroundings {
  int world_size = 1;              ///< the number of ranks that were started
  std::int64_t dataset_vocab = 0;  ///< vocabulary of the training data's tokenizer; 0: unknown
  bool cuda = false;               ///< whether the training runs on GPUs
  /// The model section stored in the checkpoint that model.init_from names: sizes that are not given come from there.
  const ModelSection* initial_model = nullptr;
};

struct Resolved {
  RunOptions options;  ///< complete: what run.ini and the checkpoints store
  spec::ModelPlan model;
  topology::Degrees degrees;
  schedule::Plan plan;     ///< micro_batches: per step and data-parallel replica
  std::int64_t steps = 0;  ///< optimizer steps of the whole training
  /// What notes_on() says about it.
  std::vector<std::string> notes;
};

/// Throws base::InputError in one sentence that names keys and values that work: heads % tp, sequence % tp with
/// sequence parallel, global_batch % (dp * micro_batch), interleaved micro-batches % pp, more chunks than layers, ranks
/// that do not fill the layout, groups that do not fit the model, a vocabulary smaller than the dataset's, sizes that
/// make no model, neither or both of train.steps and train.tokens. Every other combination trains.
Resolved resolve(const RunOptions& options, const Surroundings& surroundings);

/// Optimizer steps of the whole training that the options ask for, resolved or not: train.steps, or those that reach
/// train.tokens. Needs neither dataset nor ranks. `initial_model`: as in Surroundings. 0 when the options give neither.
std::int64_t length_in_steps(const RunOptions& options, const ModelSection* initial_model = nullptr);

/// What changed from the options stored in a checkpoint to the ones of this attempt, both resolved: "key: old -> new",
/// in the order of the table. Throws base::InputError naming the key when a model key (but preset,
/// init_from, and a vocab that checkpoint.allow lets grow) differs, or data.tokenizer when the hashes differ (an empty
/// hash is unknown).
std::vector<std::string> compare_on_resume(const RunOptions& stored, const RunOptions& now,
                                           const std::string& stored_tokenizer_hash, const std::string& tokenizer_hash);

}  // namespace trireme::options
