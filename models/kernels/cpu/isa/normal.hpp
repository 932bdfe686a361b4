// The normal distribution function, for GELU. Tails keep their relative accuracy: Phi(-c) = erfc(c / sqrt(2)) / 2 is
// computed as exp(-c²/2) * erfcx / 2 and never as a difference from 1. erfcx(t) = exp(t²) erfc(t) falls slowly, and one
// polynomial in u = (t - 4) / (t + 4) serves all t >= 0 (the substitution of Shepherd and Laframboise, 1981).
#pragma once

#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

// (t + 4) erfcx(t) / 2 by powers of u, the highest first: interpolation at Chebyshev nodes, computed with 50 digits.
// The relative errors are below 5e-9 and 4e-17.
constexpr float kScaledErfcFloat[] = {6.203754032e-5F,  -2.226971413e-4F, -1.092210214e-4F, 3.047250617e-3F,
                                      -1.320328528e-2F, 3.819610221e-2F,  -8.700022841e-2F, 1.654244362e-1F,
                                      -2.704275637e-1F, 3.866044733e-1F,  -4.882743416e-1F, 5.479978287e-1F};
constexpr double kScaledErfcDouble[] = {
    -3.8264591756844645013e-11, 6.0369082970327628410e-10, 3.5274412801925755490e-10, -7.6376444499532392983e-9,
    -1.3814146369726171001e-10, 6.1264410353226258507e-8,  -3.7200670396578396638e-8, -4.2182580602808968594e-7,
    7.1177189044444163803e-7,   2.3461919568773197631e-6,  -9.4303275871952142341e-6, -1.8171019074734857438e-6,
    8.8406383906554427390e-5,   -2.2752648582846402251e-4, -1.4047942956250369404e-4, 3.0560278541931958618e-3,
    -1.3185026670351569488e-2,  3.8190757451855403408e-2,  -8.7005468619966064041e-2, 1.6542579393915792249e-1,
    -2.7042691565661726873e-1,  3.8660435113261534488e-1,  -4.8827436454044100230e-1, 5.4799783050024557068e-1};

[[gnu::always_inline]] inline float scaled_erfc(float u) {
  float p = kScaledErfcFloat[0];
#pragma GCC unroll 11
  for (int i = 1; i < 12; ++i) p = mul_add(p, u, kScaledErfcFloat[i]);
  return p;
}
[[gnu::always_inline]] inline double scaled_erfc(double u) {
  double p = kScaledErfcDouble[0];
#pragma GCC unroll 23
  for (int i = 1; i < 24; ++i) p = mul_add(p, u, kScaledErfcDouble[i]);
  return p;
}

template <typename W>
struct Normal {
  W below;   ///< Phi(x)
  W moment;  ///< x * phi(x), phi = Phi'
};

/// Relative errors are a few units in the last place, and for x < 0 about x²/2 of them: the exponent's rounding.
template <typename W>
[[gnu::always_inline]] inline Normal<W> normal(W x) {
  constexpr double kSqrtHalf = 0.70710678118654752440;
  constexpr double kDensity = 0.39894228040143267794;  // 1 / sqrt(2 pi)
  constexpr W kFar = 40;                               // Phi(-40) is below the smallest number of either type
  W c = x < W{0} ? -x : x;
  c = c > kFar ? kFar : c;
  const W t = c * static_cast<W>(kSqrtHalf);
  const W inverse = W{1} / (t + W{4});
  const W e = exponential(W{-0.5} * c * c);
  const W tail = e * (inverse * scaled_erfc((t - W{4}) * inverse));
  const W moment = c * static_cast<W>(kDensity) * e;
  return {x < W{0} ? tail : W{1} - tail, x < W{0} ? -moment : moment};
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
