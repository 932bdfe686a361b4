// Stands in for the CUDA toolkit's header of that name.
#pragma once

#include <cstdint>
#include <cstring>

struct __nv_bfloat16 {
  std::uint16_t bits;
};

inline float __bfloat162float(__nv_bfloat16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Rounds to the nearest, ties to even; NaN becomes 0x7FFF.
inline __nv_bfloat16 __float2bfloat16_rn(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) return {0x7FFF};
  const std::uint32_t rest = bits & 0xFFFF;
  std::uint32_t upper = bits >> 16;
  if (rest > 0x8000 || (rest == 0x8000 && upper % 2 == 1)) ++upper;
  return {static_cast<std::uint16_t>(upper)};
}
