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

/// Element (r, c) of the source is number r * source_stride + c and becomes number c * stride + r. In tiles, so that a
/// cache line of either side is used whole while it is in the cache.
template <typename From, typename To>
bool transpose(const void* source, const Rows& shape, std::int64_t stride, void* to) {
  constexpr std::int64_t kTile = 16;
  bool overflow = false;
  for (std::int64_t r0 = 0; r0 < shape.rows; r0 += kTile) {
    const std::int64_t r1 = std::min(shape.rows, r0 + kTile);
    for (std::int64_t c0 = 0; c0 < shape.columns; c0 += kTile) {
      const std::int64_t c1 = std::min(shape.columns, c0 + kTile);
      for (std::int64_t c = c0; c < c1; ++c) {
        for (std::int64_t r = r0; r < r1; ++r) {
          const From from = load<From>(source, r * shape.stride + c);
          To result;
          if constexpr (std::is_same_v<From, To>) {
            result = from;
          } else {
            put(as_number(from), result);
            overflow |= overflows(from, result);
          }
          store(result, to, c * stride + r);
        }
      }
    }
  }
  return !overflow;
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

void widen_transposed(ElementType from, const void* source, const Rows& shape, DataType to_type, void* to) {
  const Rows dense{shape.rows, shape.columns, shape.columns};
  with_file_type(from, [&](auto in) {
    with_stored_type(to_type,
                     [&](auto out) { transpose<decltype(in), decltype(out)>(source, dense, shape.stride, to); });
  });
}

bool narrow(DataType from, const void* source, std::int64_t count, ElementType to_type, void* to) {
  return with_stored_type(from, [&](auto in) {
    return with_file_type(to_type, [&](auto out) { return convert<decltype(in), decltype(out)>(source, count, to); });
  });
}

bool narrow_transposed(DataType from, const void* source, const Rows& shape, ElementType to_type, void* to) {
  return with_stored_type(from, [&](auto in) {
    return with_file_type(
        to_type, [&](auto out) { return transpose<decltype(in), decltype(out)>(source, shape, shape.rows, to); });
  });
}

}  // namespace trireme::launcher
