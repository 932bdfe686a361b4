// What a rank holds of the training's state, in logical tensors: the bridge to checkpoints.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "collectives/topology/box.hpp"
#include "models/optim/flat_range.hpp"
#include "models/parallel/parameters.hpp"
#include "models/spec/config.hpp"

namespace trireme::pipeline {

enum class StateKind { kParam, kAdamM, kAdamV, kGrad };

const char* name_of(StateKind kind);  ///< "param", "adam_m", "adam_v", "grad"

/// One box of one logical tensor. Writing into `data` changes the training's state (then Trainer::after_load()).
struct StateTensor {
  StateKind kind = StateKind::kParam;
  std::string name;       ///< of the logical tensor
  topology::Shape shape;  ///< of the logical tensor
  topology::Box box;      ///< what is here
  at::Tensor data;        ///< shape box.size, contiguous, fp32 (fp64 in fp64 runs), a view of the trainer's memory
  /// Belongs into a checkpoint. Over all ranks the stored boxes of a tensor cover each element, and two stored boxes
  /// are either the same or disjoint. Not stored: a part that another rank stores in differently cut boxes; it is
  /// only to be filled when loading.
  bool stored = true;
};

/// How a rank's flat buffers map to logical tensors.
struct StateView {
  const spec::ModelConfig& config;
  const parallel::ParameterStore& store;
  int tp = 1;
  std::string far_tied;  ///< block whose stored copy under ZeRO is the other end's; "" = none
};

/// All elements of `flat` (as long as the store's buffers) that parameters lie in.
void append_whole(std::vector<StateTensor>& out, const StateView& view, StateKind kind, const at::Tensor& flat);

/// The ranges `own` only; `piece(begin, count)` is the memory of flat elements [begin, begin + count).
void append_parts(std::vector<StateTensor>& out, const StateView& view, StateKind kind,
                  const std::vector<optim::FlatRange>& own,
                  const std::function<at::Tensor(std::int64_t begin, std::int64_t count)>& piece);

}  // namespace trireme::pipeline
