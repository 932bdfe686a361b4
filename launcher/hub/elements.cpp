#include "launcher/hub/elements.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using base::DataType;
using safetensors::ElementType;

/// 1 sign, 5 exponent, 10 mantissa bits (IEEE 754 binary16).
struct Half {
  std::uint16_t bits;
};
/// The upper half of an fp32.
struct Brain {
  std::uint16_t bits;
};

float to_float(Brain value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16); }

float to_float(Half value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000U) << 16;
  const std::uint32_t magnitude = value.bits & 0x7fffU;
  if (magnitude >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | (magnitude & 0x3ffU) << 13);
  if (magnitude < 0x400U) {  // subnormal: a multiple of 2^-24
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + (112U << 23)));
}

void put(float value, float& to) { to = value; }
void put(float value, double& to) { to = value; }
void put(double value, double& to) { to = value; }
void put(double value, float& to) { to = static_cast<float>(value); }

void put(float value, Brain& to) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const bool nan = (bits & 0x7fffffffU) > 0x7f800000U;
  const std::uint32_t rounded = bits + 0x7fffU + (bits >> 16 & 1U);
  // A NaN whose payload lies in the lower bits alone must not become an infinity.
  const std::uint32_t quiet = bits | ((bits & 0x7f0000U) == 0 ? 0x400000U : 0U);
  to.bits = static_cast<std::uint16_t>((nan ? quiet : rounded) >> 16);
}

void put(float value, Half& to) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000U) {
    half = 0x7c00U | (magnitude >> 13 & 0x3ffU);
    if (half == 0x7c00U) half |= 0x200U;
  } else if (magnitude >= 0x477ff000U) {  // from 65520 on, halfway beyond the largest
    half = 0x7c00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: a multiple of 2^-24, which the sum below rounds to
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
  } else {
    half = (magnitude - (112U << 23) + 0xfffU + (magnitude >> 13 & 1U)) >> 13;
  }
  to.bits = static_cast<std::uint16_t>(sign | half);
}

/// fp64 to 16 bits: over fp32, rounded to odd, so that nothing is rounded twice (Boldo and Melquiond, 2008).
float to_odd(double value) {
  const auto near = static_cast<float>(value);
  if (!(std::isfinite(near)) || static_cast<double>(near) == value) return near;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(near);
  if ((bits & 1U) != 0) return near;
  const bool too_large = std::abs(static_cast<double>(near)) > std::abs(value);
  return std::bit_cast<float>(too_large ? bits - 1 : bits + 1);
}
void put(double value, Half& to) { put(to_odd(value), to); }
void put(double value, Brain& to) { put(to_odd(value), to); }

float as_number(Half value) { return to_float(value); }
float as_number(Brain value) { return to_float(value); }
float as_number(float value) { return value; }
double as_number(double value) { return value; }

bool is_infinite(Half value) { return (value.bits & 0x7fffU) == 0x7c00U; }
bool is_infinite(Brain value) { return (value.bits & 0x7fffU) == 0x7f80U; }
bool is_infinite(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7fffffffU) == 0x7f800000U; }
bool is_infinite(double value) { return std::isinf(value); }

template <typename From, typename To>
bool overflows(From from, To to) {
  return is_infinite(to) && !is_infinite(from);
}

/// Reads an element at any address.
template <typename Value>
Value load(const void* from, std::int64_t index) {
  Value value;
  std::memcpy(&value, static_cast<const std::byte*>(from) + index * static_cast<std::int64_t>(sizeof(Value)),
              sizeof(Value));
  return value;
}
template <typename Value>
void store(Value value, void* to, std::int64_t index) {
  std::memcpy(static_cast<std::byte*>(to) + index * static_cast<std::int64_t>(sizeof(Value)), &value, sizeof(Value));
}

/// Converts and returns whether nothing overflowed.
template <typename From, typename To>
bool convert(const void* source, std::int64_t count, void* to) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, source, static_cast<std::size_t>(count) * sizeof(From));
    return true;
  }
  bool overflow = false;
  for (std::int64_t i = 0; i < count; ++i) {
    const From from = load<From>(source, i);
    To result;
    put(as_number(from), result);
    overflow |= overflows(from, result);
    store(result, to, i);
  }
  return !overflow;
}

constexpr std::int64_t kTile = 16;  ///< rows and columns of a tile: a cache line of four-byte elements

typedef float FourFloats __attribute__((vector_size(16)));

/// Transposes 4 x 4 elements of four bytes; the steps are bytes from row to row.
void transpose_four(const std::byte* from, std::int64_t from_step, std::byte* to, std::int64_t to_step) {
  FourFloats row[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&row[i], from + i * from_step, sizeof row[i]);
  const FourFloats upper_left = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const FourFloats upper_right = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const FourFloats lower_left = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const FourFloats lower_right = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  const FourFloats column[4] = {__builtin_shufflevector(upper_left, lower_left, 0, 1, 4, 5),
                                __builtin_shufflevector(upper_left, lower_left, 2, 3, 6, 7),
                                __builtin_shufflevector(upper_right, lower_right, 0, 1, 4, 5),
                                __builtin_shufflevector(upper_right, lower_right, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_step, &column[i], sizeof column[i]);
}

/// A whole tile of four-byte elements whose bits stay the same.
void transpose_tile(const std::byte* from, std::int64_t from_step, std::byte* to, std::int64_t to_step) {
  for (std::int64_t c = 0; c < kTile; c += 4) {
    for (std::int64_t r = 0; r < kTile; r += 4) {
      transpose_four(from + r * from_step + 4 * c, from_step, to + c * to_step + 4 * r, to_step);
    }
  }
}

/// A tile of up to kTile x kTile elements; returns whether nothing overflowed.
template <typename From, typename To>
bool transpose_tile(const std::byte* from, const Transposition& shape, std::byte* to) {
  bool overflow = false;
  for (std::int64_t c = 0; c < shape.columns; ++c) {
    for (std::int64_t r = 0; r < shape.rows; ++r) {
      const From value = load<From>(from, r * shape.stride + c);
      To result;
      if constexpr (std::is_same_v<From, To>) {
        result = value;
      } else {
        put(as_number(value), result);
        overflow |= overflows(value, result);
      }
      store(result, to, c * shape.to_stride + r);
    }
  }
  return !overflow;
}

/// In tiles, so that a cache line of either side is used whole while it is in the cache.
template <typename From, typename To>
bool transpose(const void* source, const Transposition& shape, void* target) {
  constexpr auto kFrom = static_cast<std::int64_t>(sizeof(From)), kTo = static_cast<std::int64_t>(sizeof(To));
  bool good = true;
  for (std::int64_t r = 0; r < shape.rows; r += kTile) {
    for (std::int64_t c = 0; c < shape.columns; c += kTile) {
      const std::byte* const from = static_cast<const std::byte*>(source) + (r * shape.stride + c) * kFrom;
      std::byte* const to = static_cast<std::byte*>(target) + (c * shape.to_stride + r) * kTo;
      const Transposition tile{std::min(kTile, shape.rows - r), std::min(kTile, shape.columns - c), shape.stride,
                               shape.to_stride};
      if (std::is_same_v<From, To> && kFrom == 4 && tile.rows == kTile && tile.columns == kTile) {
        transpose_tile(from, kFrom * shape.stride, to, kTo * shape.to_stride);
      } else {
        good &= transpose_tile<From, To>(from, tile, to);
      }
    }
  }
  return good;
}

/// Calls `use(From(), To())` with values of the types that are meant.
template <typename Use>
auto with_file_type(ElementType type, const Use& use) {
  switch (type) {
    case ElementType::kF64: return use(double{});
    case ElementType::kF32: return use(float{});
    case ElementType::kF16: return use(Half{});
    case ElementType::kBF16: return use(Brain{});
    default: throw base::Error(base::str("weights in ", name_of(type), " are not converted"));
  }
}
template <typename Use>
auto with_stored_type(DataType type, const Use& use) {
  if (type == DataType::kFloat64) return use(double{});
  if (type == DataType::kFloat32) return use(float{});
  throw base::Error(base::str("checkpoints hold no ", name_of(type)));
}

}  // namespace

bool holds_weights(ElementType type) {
  return type == ElementType::kF64 || type == ElementType::kF32 || type == ElementType::kF16 ||
         type == ElementType::kBF16;
}

DataType stored_type_of(ElementType type) {
  return type == ElementType::kF64 ? DataType::kFloat64 : DataType::kFloat32;
}

std::optional<ElementType> weights_type(const std::string& word) {
  if (word == "fp64") return ElementType::kF64;
  if (word == "fp32") return ElementType::kF32;
  if (word == "fp16") return ElementType::kF16;
  if (word == "bf16") return ElementType::kBF16;
  return std::nullopt;
}

void widen(ElementType from, const void* source, std::int64_t count, DataType to_type, void* to) {
  with_file_type(from, [&](auto in) {
    with_stored_type(to_type, [&](auto out) { convert<decltype(in), decltype(out)>(source, count, to); });
  });
}

void widen_transposed(ElementType from, const void* source, const Transposition& shape, DataType to_type, void* to) {
  with_file_type(from, [&](auto in) {
    with_stored_type(to_type, [&](auto out) { transpose<decltype(in), decltype(out)>(source, shape, to); });
  });
}

bool narrow(DataType from, const void* source, std::int64_t count, ElementType to_type, void* to) {
  return with_stored_type(from, [&](auto in) {
    return with_file_type(to_type, [&](auto out) { return convert<decltype(in), decltype(out)>(source, count, to); });
  });
}

bool narrow_transposed(DataType from, const void* source, const Transposition& shape, ElementType to_type, void* to) {
  return with_stored_type(from, [&](auto in) {
    return with_file_type(to_type, [&](auto out) { return transpose<decltype(in), decltype(out)>(source, shape, to); });
  });
}

}  // namespace trireme::launcher
