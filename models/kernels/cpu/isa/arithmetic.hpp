// Element types and elementary functions in a form that the compiler can vectorise. Everything has internal linkage, so
// each instruction set has its own copy.
#pragma once

#include <cstdint>

#include "models/kernels/cpu/isa/names.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

struct BFloat16 {
  std::uint16_t bits;
};

/// The type to compute in, and conversions to it and back (rounding to nearest even).
template <typename T>
struct Wide {
  using Type = T;
};
template <>
struct Wide<BFloat16> {
  using Type = float;
};
template <typename T>
using WideOf = typename Wide<T>::Type;

inline float load(float x) { return x; }
inline double load(double x) { return x; }
inline float load(BFloat16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
inline void store(float* to, float x) { *to = x; }
inline void store(double* to, double x) { *to = x; }
inline void store(BFloat16* to, float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const std::uint32_t nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  to->bits = static_cast<std::uint16_t>(x != x ? 0x7FC0 : nearest);
}

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

inline float logarithm(float x) { return __builtin_logf(x); }
inline double logarithm(double x) { return __builtin_log(x); }
inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

/// a * b + c, with a single rounding where the instruction set offers it.
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline float mul_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double mul_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
inline float mul_add(float a, float b, float c) { return a * b + c; }
inline double mul_add(double a, double b, double c) { return a * b + c; }
#endif

/// e^x = power * (1 + r * series): power = 2^n, x = n ln 2 + r, series = (e^r - 1) / r. x is clamped to what gives a
/// normal number. Adding 1.5 * 2^mantissa rounds x / ln 2 to the integer n and leaves it in the low bits.
template <typename W>
struct ExponentialParts {
  W power;
  W r;
  W series;
};

inline ExponentialParts<float> exponential_parts(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifter = 12582912.0F;
  const float shifted = x * 1.44269504F + shifter;
  const float n = shifted - shifter;
  const float r = mul_add(n, 2.12194440e-4F, mul_add(n, -0.693359375F, x));
  float p = 1.0F / 5040.0F;
  p = mul_add(p, r, 1.0F / 720.0F);
  p = mul_add(p, r, 1.0F / 120.0F);
  p = mul_add(p, r, 1.0F / 24.0F);
  p = mul_add(p, r, 1.0F / 6.0F);
  p = mul_add(p, r, 0.5F);
  p = mul_add(p, r, 1.0F);
  std::uint32_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127U) << 23;
  float power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return {power, r, p};
}

inline ExponentialParts<double> exponential_parts(double x) {
  x = x < -708.0 ? -708.0 : x;
  x = x > 709.0 ? 709.0 : x;
  const double shifter = 6755399441055744.0;
  const double shifted = x * 1.4426950408889634074 + shifter;
  const double n = shifted - shifter;
  const double r = mul_add(n, -1.90821492927058770002e-10, mul_add(n, -6.93147180369123816490e-01, x));
  double p = 1.0 / 6227020800.0;
  p = mul_add(p, r, 1.0 / 479001600.0);
  p = mul_add(p, r, 1.0 / 39916800.0);
  p = mul_add(p, r, 1.0 / 3628800.0);
  p = mul_add(p, r, 1.0 / 362880.0);
  p = mul_add(p, r, 1.0 / 40320.0);
  p = mul_add(p, r, 1.0 / 5040.0);
  p = mul_add(p, r, 1.0 / 720.0);
  p = mul_add(p, r, 1.0 / 120.0);
  p = mul_add(p, r, 1.0 / 24.0);
  p = mul_add(p, r, 1.0 / 6.0);
  p = mul_add(p, r, 0.5);
  p = mul_add(p, r, 1.0);
  std::uint64_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023U) << 52;
  double power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return {power, r, p};
}

/// e^x within about 1 unit in the last place, x clamped as above.
template <typename W>
inline W exponential(W x) {
  const auto parts = exponential_parts(x);
  return mul_add(parts.series, parts.r, W{1}) * parts.power;
}

/// tanh x = d / (d + 2) with d = e^2x - 1, which is computed without cancellation: within some units in the last place.
template <typename W>
inline W hyperbolic_tangent(W x) {
  const ExponentialParts<W> e = exponential_parts(W{2} * x);
  const W d = mul_add(e.power, e.series * e.r, e.power - W{1});
  return d / (d + W{2});
}

/// Calls f with a null pointer of the element's type.
template <typename F>
inline void with_type(Element element, F f) {
  switch (element) {
    case Element::kFloat: f(static_cast<float*>(nullptr)); break;
    case Element::kDouble: f(static_cast<double*>(nullptr)); break;
    case Element::kBFloat16: f(static_cast<BFloat16*>(nullptr)); break;
  }
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
