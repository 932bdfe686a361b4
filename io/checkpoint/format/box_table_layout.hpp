// Sizes and numbers in BOXES.bin. Private to io/checkpoint.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/data_type.hpp"

namespace trireme::checkpoint {

inline constexpr std::string_view kTableMagic = "TRBOXES1";
inline constexpr std::size_t kTableHeaderBytes = 64;
inline constexpr std::size_t kTableTensorBytes = 32;
inline constexpr std::size_t kTableBoxBytes = 32;
inline constexpr std::size_t kMaxDims = 8;
inline constexpr std::size_t kMaxNameBytes = 4096;
/// The element types; a type's number in the file is its place here.
inline constexpr std::array kStoredTypes = {base::DataType::kFloat32, base::DataType::kFloat64};

}  // namespace trireme::checkpoint
