// Element-wise reductions in host memory: the arithmetic of every host collective.
#pragma once

#include <cstddef>
#include <cstdint>

#include "collectives/communicator.hpp"

namespace trireme::collectives {

/// out[i] = in[0][i] op in[1][i] op … op in[inputs-1][i], in that order. bf16 is accumulated in fp32 and rounded once,
/// to nearest even. `out` may be one of the inputs; inputs >= 1.
void reduce(void* out, const void* const* in, int inputs, std::size_t count, DataType type, ReduceOp op);

float bf16_to_float(std::uint16_t bits);
/// Rounds to nearest even; a NaN stays a NaN.
std::uint16_t float_to_bf16(float value);

}  // namespace trireme::collectives
