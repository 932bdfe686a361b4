// The documents of packed sequences, as the layers of one pass need them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "models/transformer/chunk.hpp"
#include "models/transformer/rotary.hpp"

namespace trireme::transformer {

struct Documents {
  at::Tensor starts_BT;     ///< MicroBatch::starts, contiguous
  at::Tensor positions_TB;  ///< int64: the position of each token in its document
  RotaryCache rotary;       ///< tables with a row for each token, in the order of positions_TB
};

/// Returns none where batch.starts is undefined. `rotary` are the chunk's tables; they cover the batch's length. Throws
/// base::Error for starts of another shape, type or device than MicroBatch says, and on the host for other values.
std::optional<Documents> documents_of(const MicroBatch& batch, const RotaryCache& rotary);

}  // namespace trireme::transformer
