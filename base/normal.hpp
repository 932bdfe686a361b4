// Normally distributed numbers with the same bits on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace trireme::base {

/// The standard normal value at `index` of the stream keyed by (seed, name): Philox4x32-10 with counter
/// (index / 2), two 53-bit uniforms, Box-Muller in fp64. log, sin and cos are our own scalar code without
/// contraction, so no libm and no vector width changes a bit. Index 2k takes the cosine, 2k+1 the sine.
double standard_normal(std::uint64_t seed, std::string_view name, std::uint64_t index);

/// The same for `count` consecutive indices starting at `first`, scaled: out[i] = scale * normal(first + i).
void fill_normal(std::uint64_t seed, std::string_view name, std::uint64_t first, std::uint64_t count, double scale,
                 double* out);

}  // namespace trireme::base
