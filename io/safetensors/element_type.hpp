// The element types of safetensors files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trireme::safetensors {

/// The order is the one in which the library sorts them: save_file() writes the last ones first.
enum class ElementType : std::uint8_t {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

/// "F32", "BF16", …, as files name them.
std::string_view name_of(ElementType type);
/// Nothing for a name that is not one of these.
std::optional<ElementType> element_type(std::string_view name);
/// Bits of one element: 4 to 64.
int bits_of(ElementType type);

}  // namespace trireme::safetensors
