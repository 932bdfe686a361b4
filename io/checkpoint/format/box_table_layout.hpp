// Sizes and numbers in BOXES.bin. Private to io/checkpoint.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/data_type.hpp"
#include "base/slot.hpp"

namespace trireme::checkpoint {

inline constexpr std::string_view kTableMagic = "TRBOXES2";
inline constexpr std::size_t kTableHeaderBytes = 72;
inline constexpr std::size_t kTableTensorBytes = 32;
inline constexpr std::size_t kTableBoxBytes = 32;
inline constexpr std::size_t kMaxDims = 8;
inline constexpr std::size_t kMaxNameBytes = 4096;
inline constexpr std::size_t kMaxSlots = 256;
/// The element types; a type's number in the file is its place here.
inline constexpr std::array kStoredTypes = {base::DataType::kFloat32, base::DataType::kFloat64};

// Version 1.
inline constexpr std::string_view kTableMagic1 = "TRBOXES1";
inline constexpr std::size_t kTableHeaderBytes1 = 64;
/// A slot's number in the file is its place here.
inline constexpr std::array kSlots1 = {base::kParam, base::kAdamM, base::kAdamV, base::kGrad};

}  // namespace trireme::checkpoint
