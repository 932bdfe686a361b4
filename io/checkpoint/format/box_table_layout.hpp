// Sizes in BOXES.bin. Private to io/checkpoint.
#pragma once

#include <cstddef>
#include <string_view>

namespace trireme::checkpoint {

inline constexpr std::string_view kTableMagic = "TRBOXES1";
inline constexpr std::size_t kTableHeaderBytes = 64;
inline constexpr std::size_t kTableTensorBytes = 32;
inline constexpr std::size_t kTableBoxBytes = 32;
inline constexpr std::size_t kMaxDims = 8;
inline constexpr std::size_t kMaxNameBytes = 4096;

}  // namespace trireme::checkpoint
