#include "base/normal.hpp"

#include <bit>
#include <cmath>

#include "base/philox.hpp"

// Compiled with -ffp-contract=off: the bits are part of the contract (tests/base/normal_test.cpp).

namespace trireme::base {
namespace {

constexpr double kPi = 3.14159265358979323846;

// log(x) for x in (0, 1]: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m-1)/(m+1),
// |s| <= 0.1716: 11 terms of the odd series leave less than 1e-18.
double portable_log(double x) {
  auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL;
  double m = std::bit_cast<double>(bits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double sum = 0.0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return 2.0 * s * sum + exponent * 0.69314718055994530942;
}

// sin and cos of 2*pi*u for u in [0, 1): reduced to |angle| <= pi/4, Taylor series to below 1e-17.
void portable_sincos(double u, double* sine, double* cosine) {
  // When two quadrants are equally near, either will do.
  const int quadrant = static_cast<int>(u * 4.0 + 0.5);  // NOLINT(bugprone-incorrect-roundings)
  const double angle = (u - quadrant * 0.25) * (2.0 * kPi);
  const double a2 = angle * angle;
  double s = 1.0;
  double c = 1.0;
  for (int k = 9; k >= 1; --k) {
    s = 1.0 - s * a2 / ((2.0 * k) * (2.0 * k + 1.0));
    c = 1.0 - c * a2 / ((2.0 * k - 1.0) * (2.0 * k));
  }
  s *= angle;
  switch (quadrant & 3) {
    case 0: *sine = s, *cosine = c; break;
    case 1: *sine = c, *cosine = -s; break;
    case 2: *sine = -s, *cosine = -c; break;
    default: *sine = -c, *cosine = s; break;
  }
}

double uniform53(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

void normal_pair(PhiloxKey key, std::uint64_t pair, double* first, double* second) {
  const auto r = philox({static_cast<std::uint32_t>(pair), static_cast<std::uint32_t>(pair >> 32), 0, 0}, key);
  const double radius = std::sqrt(-2.0 * portable_log(uniform53(r[0], r[1]) + 0x1p-53));
  double sine = 0.0;
  double cosine = 0.0;
  portable_sincos(uniform53(r[2], r[3]), &sine, &cosine);
  *first = radius * cosine;
  *second = radius * sine;
}

}  // namespace

double standard_normal(std::uint64_t seed, std::string_view name, std::uint64_t index) {
  double pair[2];
  normal_pair(philox_key(mix(seed, name_hash(name))), index / 2, &pair[0], &pair[1]);
  return pair[index % 2];
}

void fill_normal(std::uint64_t seed, std::string_view name, std::uint64_t first, std::uint64_t count, double scale,
                 double* out) {
  const PhiloxKey key = philox_key(mix(seed, name_hash(name)));
  for (std::uint64_t i = 0; i < count;) {
    double pair[2];
    const std::uint64_t index = first + i;
    normal_pair(key, index / 2, &pair[0], &pair[1]);
    for (std::uint64_t half = index % 2; half < 2 && i < count; ++half, ++i) out[i] = scale * pair[half];
  }
}

}  // namespace trireme::base
