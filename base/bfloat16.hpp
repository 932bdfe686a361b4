// Numbers of 16 bits with the exponent of fp32.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace trireme::base {

/// The bits of `value` rounded to nearest, ties to even, as LibTorch rounds; a NaN becomes a quiet NaN.
inline std::uint16_t bfloat16_bits(float value) {
  if (std::isnan(value)) return 0x7FC0;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

}  // namespace trireme::base
