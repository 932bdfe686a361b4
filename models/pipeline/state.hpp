// The part of the training's state that a rank holds, in logical tensors, for saving and loading.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/slot.hpp"
#include "collectives/topology/box.hpp"
#include "models/layout/rank_state.hpp"
#include "models/layout/state_boxes.hpp"

namespace trireme::pipeline {

using base::kAdamM;
using base::kAdamV;
using base::kGrad;
using base::kParam;

/// One box of one logical tensor. After writing into a Trainer's `data`, which changes the training's state, call
/// Trainer::after_load().
struct StateTensor {
  std::string slot =
      kParam;             ///< what it is of the tensor: base::is_slot_name(); a checkpoint stores it under this name
  std::string name;       ///< name of the logical tensor
  topology::Shape shape;  ///< shape of the logical tensor
  topology::Box box;      ///< the part that `data` holds
  /// Shape box.size, contiguous, a view of the owner's memory: fp32 (fp64 in fp64 runs), and the weights of an
  /// Inference in the type of the arithmetic.
  at::Tensor data;
  /// Whether it belongs into a checkpoint (layout::HeldBox::stored). If not, it is only filled when loading.
  bool stored = true;
};

/// Appends the held boxes of `rank` as tensors; `piece(begin, count)` is the memory of flat elements
/// [begin, begin + count).
void append_state(std::vector<StateTensor>& out, const std::string& slot, const layout::RankState& rank,
                  const std::vector<layout::HeldBox>& boxes,
                  const std::function<at::Tensor(std::int64_t begin, std::int64_t count)>& piece);

}  // namespace trireme::pipeline
