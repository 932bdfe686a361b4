// Vectors of the instruction set's width, for kernels whose registers are planned by hand.
#pragma once

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

template <typename W>
struct LaneIndex;
template <>
struct LaneIndex<float> {
  typedef std::int32_t Type __attribute__((vector_size(kVectorBytes)));
};
template <>
struct LaneIndex<double> {
  typedef std::int64_t Type __attribute__((vector_size(kVectorBytes)));
};

/// Transposes the square of kLanes vectors: for 1, 2, 4, … lanes, pairs of rows that far apart exchange lanes.
template <typename W>
inline void transpose_square(VectorOf<W>* rows) {
  constexpr int kCount = static_cast<int>(kLanes<W>);
#pragma GCC unroll 4
  for (int step = 1; step < kCount; step *= 2) {
    typename LaneIndex<W>::Type low{};
    typename LaneIndex<W>::Type high{};
#pragma GCC unroll 16
    for (int lane = 0; lane < kCount; ++lane) {
      const bool upper = (lane & step) != 0;
      low[lane] = upper ? kCount + lane - step : lane;
      high[lane] = upper ? kCount + lane : lane + step;
    }
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
      if ((i & step) != 0) continue;
      const VectorOf<W> a = rows[i];
      const VectorOf<W> b = rows[i + step];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + step] = __builtin_shuffle(a, b, high);
    }
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
