// Trains a transformer in any layout: holds this rank's chunks, parameters and optimizer, and does this rank's part of
// every step.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collectives/topology/mesh.hpp"
#include "models/layout/parameter_group.hpp"
#include "models/optim/optimizer.hpp"
#include "models/pipeline/groups.hpp"
#include "models/pipeline/inference.hpp"
#include "models/pipeline/model_setup.hpp"
#include "models/pipeline/state.hpp"
#include "models/schedule/schedule.hpp"
#include "models/spec/plan.hpp"
#include "models/transformer/chunk.hpp"

namespace trireme::pipeline {

/// More than one chunk per stage only with the interleaved and gpipe schedules.
struct TrainerConfig : ModelSetup {
  schedule::ScheduleKind schedule = schedule::ScheduleKind::kOneForwardOneBackward;
  transformer::Recompute recompute = transformer::Recompute::kNone;
  int zero = 0;                    ///< 0 or 1
  std::int64_t micro_batch = 1;    ///< sequences
  std::int64_t micro_batches = 1;  ///< per step and dp rank: global_batch / (dp * micro_batch)
  std::uint64_t seed = 0;
  optim::RuleOptions optimizer;
  std::vector<layout::ParameterGroup> groups;       ///< layout::StateMap: optimizer trains what none of them matches
  std::map<std::string, optim::RuleOptions> rules;  ///< of the groups that name a rule
  double clip = 1.0;                                ///< global gradient norm; 0 = no limit
  /// Gradients per reduction over dp. 0: 16 MiB on CPUs; on GPUs an eighth of the rank's gradients, 32 to 256 MiB.
  std::int64_t bucket_bytes = 0;
};

/// Throws base::InputError in one sentence, naming degrees or values that work, for a combination that cannot train.
void check(const TrainerConfig& config);
/// The same for a combination that cannot hold or compute the model.
void check(const ModelSetup& setup);

struct StepResult {
  double loss = 0.0;               ///< mean over the global batch's targets; the same on all ranks
  double grad_norm = 0.0;          ///< before clipping; the same on all ranks
  bool finite = true;              ///< false: loss or norm is not finite and nothing was updated
  bool updated = true;             ///< false: not finite, or `accept` refused it
  double compute_seconds = 0.0;    ///< forward and backward passes with their sends, receives and overlapped sums
  double reduce_seconds = 0.0;     ///< waiting for gradient sums after the last backward pass
  double optimizer_seconds = 0.0;  ///< norm, update and, under ZeRO, gathering the values
};

/// All ranks of the layout call the same methods in the same order. Errors are base::Error.
class Trainer {
 public:
  /// Allocates everything. Parameters are zero until initialise() or a load.
  Trainer(const TrainerConfig& config, const Groups& groups);
  ~Trainer();

  /// Sets the initial weights from the seed, and the optimizer state to zero.
  void initialise();

  /// Makes one optimizer step. `micro_batches`: those of this dp rank, config.micro_batches of them, the same on all
  /// its tp and pp ranks, tokens and targets on the trainer's device; MicroBatch::loss_scale is set here.
  /// `global_targets`: the number of targets in the global batch. `accept`, if set, is called when all sums are there,
  /// loss and norm are finite, and nothing is updated yet; gradients() may be called inside. When it returns false,
  /// which it must do on all ranks or on none, nothing is updated.
  using Accept = std::function<bool(const StepResult&)>;
  StepResult step(std::span<const transformer::MicroBatch> micro_batches, std::int64_t global_targets, double lr,
                  const Accept& accept = {});

  /// The model as it is now, to be used without gradients.
  Inference& inference();

  /// The state that this rank holds: fp32 (or fp64) parameters and the slots of the update rules. Valid until the
  /// Trainer is destroyed.
  std::vector<StateTensor> state();
  /// This step's gradients before clipping, as complete sums; only inside step()'s `accept`. Frozen parameters have
  /// none.
  std::vector<StateTensor> gradients();
  /// Call it after state() was filled: refreshes what is derived from it.
  void after_load();
  /// A hash of the bits of the parameters that this rank computes with, and of their masters where it holds all of them
  /// (not under ZeRO). Ranks that differ only in their dp coordinate hold the same, on the same kind of processor.
  /// Under ZeRO an update makes them the same again, whatever they were: compare before it, in `accept`.
  std::uint64_t hash_of_parameters();
  /// How attention is computed, in words for a log.
  std::string attention() const;
  /// The number of optimizer updates so far.
  std::int64_t steps() const;
  /// When the slots of tensors began at zero, in updates.
  const optim::Begun& begun() const;
  void set_steps(std::int64_t steps, optim::Begun begun = {});

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace trireme::pipeline
