#include "collectives/ops/reduce.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/error.hpp"

// Compiled also for wider vectors where the processor has them. No variant multiplies, so nothing is fused and all give
// the same bits. Sanitizers are not ready when the program asks which variant to take, and clang knows no variants of
// templates.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRIREME_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define TRIREME_VECTOR_CLONES
#endif

namespace trireme::collectives {

namespace {

/// The number of elements accumulated together; they stay in the first-level cache while all inputs are read.
constexpr std::size_t kBlock = 2048;

template <ReduceOp kOp, typename T>
inline T combine(T a, T b) {
  if constexpr (kOp == ReduceOp::kSum) return static_cast<T>(a + b);
  if constexpr (kOp == ReduceOp::kMin) return b < a ? b : a;
  if constexpr (kOp == ReduceOp::kMax) return a < b ? b : a;
}

template <typename T>
TRIREME_VECTOR_CLONES void sum_into(T* out, const T* a, const T* b, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<T>(a[i] + b[i]);
}

template <ReduceOp kOp, typename T>
void combine_into(T* out, const T* a, const T* b, std::size_t count) {
  if constexpr (kOp == ReduceOp::kSum) {
    sum_into(out, a, b, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) out[i] = combine<kOp>(a[i], b[i]);
  }
}

template <ReduceOp kOp, typename T>
void reduce_values(void* out, const void* const* in, int inputs, std::size_t count) {
  T* result = static_cast<T*>(out);
  if (inputs == 1) {
    if (out != in[0]) std::copy_n(static_cast<const T*>(in[0]), count, result);
    return;
  }
  if (inputs == 2) {
    combine_into<kOp>(result, static_cast<const T*>(in[0]), static_cast<const T*>(in[1]), count);
    return;
  }
  T sum[kBlock];  // `out` may be one of the inputs, so it is written after all are read
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t length = std::min(kBlock, count - first);
    combine_into<kOp>(sum, static_cast<const T*>(in[0]) + first, static_cast<const T*>(in[1]) + first, length);
    for (int i = 2; i + 1 < inputs; ++i) combine_into<kOp>(sum, sum, static_cast<const T*>(in[i]) + first, length);
    combine_into<kOp>(result + first, sum, static_cast<const T*>(in[inputs - 1]) + first, length);
  }
}

template <ReduceOp kOp>
void reduce_bf16(void* out, const void* const* in, int inputs, std::size_t count) {
  float sum[kBlock];
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t length = std::min(kBlock, count - first);
    const auto* start = static_cast<const std::uint16_t*>(in[0]) + first;
    for (std::size_t i = 0; i < length; ++i) sum[i] = bf16_to_float(start[i]);
    for (int input = 1; input < inputs; ++input) {
      const auto* values = static_cast<const std::uint16_t*>(in[input]) + first;
      for (std::size_t i = 0; i < length; ++i) sum[i] = combine<kOp>(sum[i], bf16_to_float(values[i]));
    }
    auto* result = static_cast<std::uint16_t*>(out) + first;
    for (std::size_t i = 0; i < length; ++i) result[i] = float_to_bf16(sum[i]);
  }
}

template <ReduceOp kOp>
void reduce_type(void* out, const void* const* in, int inputs, std::size_t count, DataType type) {
  switch (type) {
    case DataType::kFloat64: return reduce_values<kOp, double>(out, in, inputs, count);
    case DataType::kFloat32: return reduce_values<kOp, float>(out, in, inputs, count);
    case DataType::kBFloat16: return reduce_bf16<kOp>(out, in, inputs, count);
    case DataType::kInt64: return reduce_values<kOp, std::int64_t>(out, in, inputs, count);
    case DataType::kUInt8: return reduce_values<kOp, std::uint8_t>(out, in, inputs, count);
  }
  throw base::Error("unknown data type in a reduction");
}

}  // namespace

float bf16_to_float(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

std::uint16_t float_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x0040U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

void reduce(void* out, const void* const* in, int inputs, std::size_t count, DataType type, ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum: return reduce_type<ReduceOp::kSum>(out, in, inputs, count, type);
    case ReduceOp::kMin: return reduce_type<ReduceOp::kMin>(out, in, inputs, count, type);
    case ReduceOp::kMax: return reduce_type<ReduceOp::kMax>(out, in, inputs, count, type);
  }
  throw base::Error("unknown reduction");
}

}  // namespace trireme::collectives
