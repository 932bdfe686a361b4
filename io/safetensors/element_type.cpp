#include "io/safetensors/element_type.hpp"

#include <array>
#include <cstddef>

namespace trireme::safetensors {
namespace {

struct Row {
  std::string_view name;
  int bits;
};

constexpr std::array<Row, 20> kRows = {{{"BOOL", 8}, {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
                                        {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},
                                        {"U16", 16}, {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
                                        {"F32", 32}, {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}}};
static_assert(kRows.size() == static_cast<std::size_t>(ElementType::kU64) + 1);

const Row& row_of(ElementType type) { return kRows.at(static_cast<std::size_t>(type)); }

}  // namespace

std::string_view name_of(ElementType type) { return row_of(type).name; }

int bits_of(ElementType type) { return row_of(type).bits; }

std::optional<ElementType> element_type(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<ElementType>(i);
  }
  return std::nullopt;
}

}  // namespace trireme::safetensors
