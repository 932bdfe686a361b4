// Vectors of the instruction set's width, for kernels whose registers are planned by hand.
#pragma once

#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

typedef float FloatVector __attribute__((vector_size(kVectorBytes)));
typedef double DoubleVector __attribute__((vector_size(kVectorBytes)));

template <typename W>
struct VectorType;
template <>
struct VectorType<float> {
  using Type = FloatVector;
};
template <>
struct VectorType<double> {
  using Type = DoubleVector;
};
template <typename W>
using VectorOf = typename VectorType<W>::Type;
template <typename W>
constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(W));

template <typename W>
inline VectorOf<W> load_vector(const W* from) {
  VectorOf<W> value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <typename W>
inline void store_vector(W* to, VectorOf<W> value) {
  __builtin_memcpy(to, &value, sizeof value);
}
template <typename W>
inline VectorOf<W> broadcast(W value) {
  return value - VectorOf<W>{};
}

#if defined(__AVX512F__)
inline FloatVector mul_add(FloatVector a, FloatVector b, FloatVector c) { return _mm512_fmadd_ps(a, b, c); }
inline DoubleVector mul_add(DoubleVector a, DoubleVector b, DoubleVector c) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(__FMA__)
inline FloatVector mul_add(FloatVector a, FloatVector b, FloatVector c) { return _mm256_fmadd_ps(a, b, c); }
inline DoubleVector mul_add(DoubleVector a, DoubleVector b, DoubleVector c) { return _mm256_fmadd_pd(a, b, c); }
#else
inline FloatVector mul_add(FloatVector a, FloatVector b, FloatVector c) { return a * b + c; }
inline DoubleVector mul_add(DoubleVector a, DoubleVector b, DoubleVector c) { return a * b + c; }
#endif

/// The sum of all lanes: the upper half is added to the lower until one lane is left.
inline float sum_lanes(float __attribute__((vector_size(16))) x) { return (x[0] + x[2]) + (x[1] + x[3]); }
inline double sum_lanes(double __attribute__((vector_size(16))) x) { return x[0] + x[1]; }
#if defined(__AVX2__)
inline float sum_lanes(float __attribute__((vector_size(32))) x) {
  return sum_lanes(__builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7));
}
inline double sum_lanes(double __attribute__((vector_size(32))) x) {
  return sum_lanes(__builtin_shufflevector(x, x, 0, 1) + __builtin_shufflevector(x, x, 2, 3));
}
#endif
#if defined(__AVX512F__)
inline float sum_lanes(FloatVector x) {
  return sum_lanes(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                   __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
}
inline double sum_lanes(DoubleVector x) {
  return sum_lanes(__builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7));
}
#endif

/// Pairs of rows that are kStep apart exchange lanes that are kStep apart.
template <typename W, int kStep, int... kLane>
inline void exchange(VectorOf<W>* rows, std::integer_sequence<int, kLane...>) {
  constexpr int kCount = sizeof...(kLane);
#pragma GCC unroll 16
  for (int i = 0; i < kCount; ++i) {
    if ((i & kStep) != 0) continue;
    const VectorOf<W> a = rows[i];
    const VectorOf<W> b = rows[i + kStep];
    rows[i] = __builtin_shufflevector(a, b, ((kLane & kStep) != 0 ? kCount + kLane - kStep : kLane)...);
    rows[i + kStep] = __builtin_shufflevector(a, b, ((kLane & kStep) != 0 ? kCount + kLane : kLane + kStep)...);
  }
}

/// Transposes the square of kLanes vectors.
template <typename W, int kStep = 1>
inline void transpose_square(VectorOf<W>* rows) {
  constexpr int kCount = static_cast<int>(kLanes<W>);
  if constexpr (kStep < kCount) {
    exchange<W, kStep>(rows, std::make_integer_sequence<int, kCount>());
    transpose_square<W, 2 * kStep>(rows);
  }
}

/// Loads kLanes elements in the wide type.
inline FloatVector load_wide(const float* from) { return load_vector(from); }
inline DoubleVector load_wide(const double* from) { return load_vector(from); }
inline FloatVector load_wide(const BFloat16* from) {
  typedef std::uint16_t Narrow __attribute__((vector_size(kVectorBytes / 2)));
  typedef std::uint32_t Bits __attribute__((vector_size(kVectorBytes)));
  Narrow narrow;
  __builtin_memcpy(&narrow, from, sizeof narrow);
  const Bits bits = __builtin_convertvector(narrow, Bits) << 16;
  FloatVector value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
