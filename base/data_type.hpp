// Element types of the arrays that ranks exchange and checkpoints hold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trireme::base {

enum class DataType : std::uint8_t { kFloat64, kFloat32, kBFloat16, kInt64, kUInt8 };

/// Bytes of one element.
std::size_t size_of(DataType type);
/// "fp64", "fp32", "bf16", "int64", "uint8".
const char* name_of(DataType type);

}  // namespace trireme::base
