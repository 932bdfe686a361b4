// Dropout by a counter-based generator: the mask is a function of (key, layer, site, global position, column).
#pragma once

#include <cstdint>

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {

/// Where a slab of activations lies: rows are (position, sequence) pairs, row r = position r / batch of sequence
/// r % batch.
struct DropoutSlab {
  std::int64_t batch = 0;
  std::int64_t width = 0;
  std::int64_t first_position = 0;      ///< global position of row 0
  const std::uint64_t* keys = nullptr;  ///< one per sequence
  std::uint32_t stream[2] = {0, 0};     ///< layer and site
  std::uint32_t threshold = 0;          ///< kept when the 32-bit draw is at least this
  double scale = 1.0;                   ///< of what is kept
};

/// Rows [first, first + rows) of the slab: y = x * scale where kept, else 0. y may be x. Serial.
void dropout(Element element, const DropoutSlab& slab, std::int64_t first, std::int64_t rows, const void* x, void* y);

}  // namespace trireme::kernels::cpu
