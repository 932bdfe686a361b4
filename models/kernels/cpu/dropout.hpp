// Dropout with a counter-based generator: the mask is a function of (key, layer, site, global position, column).
#pragma once

#include <cstdint>

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {

/// A slab of activations and its place. Its rows are (position, sequence) pairs: row r is position r / batch of
/// sequence r % batch.
struct DropoutSlab {
  std::int64_t batch = 0;
  std::int64_t width = 0;
  std::int64_t first_position = 0;      ///< global position of row 0
  const std::uint64_t* keys = nullptr;  ///< one key per sequence
  std::uint32_t stream[2] = {0, 0};     ///< site and layer
  std::uint32_t threshold = 0;          ///< an element is kept when its 32-bit draw is at least this
  double scale = 1.0;                   ///< factor of the elements that are kept
};

/// Computes rows [first, first + rows) of the slab: y = x * scale where kept, else 0. y may be x. Runs in one thread.
void dropout(Element element, const DropoutSlab& slab, std::int64_t first, std::int64_t rows, const void* x, void* y);

}  // namespace trireme::kernels::cpu
