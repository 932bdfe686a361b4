// Conversions between the element types of public files and those of checkpoints. Widening is exact, NaNs keep their
// bits; narrowing rounds to nearest, ties to even.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/data_type.hpp"
#include "io/safetensors/element_type.hpp"

namespace trireme::launcher {

/// Whether weights of this type are read: F64, F32, F16, BF16.
bool holds_weights(safetensors::ElementType type);

/// What a checkpoint stores for it: fp64 for F64, else fp32.
base::DataType stored_type_of(safetensors::ElementType type);

/// "fp32", "bf16", "fp16", "fp64" on a command line; nothing for other words.
std::optional<safetensors::ElementType> weights_type(const std::string& word);

/// A matrix of rows x columns elements and the place of its transpose: element (r, c) is number r * stride + c and
/// becomes number c * to_stride + r.
struct Transposition {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;
  std::int64_t to_stride;
};

/// Converts `count` elements of a file for a checkpoint. `to_type`: fp32 or fp64.
void widen(safetensors::ElementType from, const void* source, std::int64_t count, base::DataType to_type, void* to);

/// The same for a matrix, transposed.
void widen_transposed(safetensors::ElementType from, const void* source, const Transposition& shape,
                      base::DataType to_type, void* to);

/// Converts `count` elements of a checkpoint for a file. Returns false when a finite number became infinite.
bool narrow(base::DataType from, const void* source, std::int64_t count, safetensors::ElementType to_type, void* to);

/// The same for a matrix, transposed.
bool narrow_transposed(base::DataType from, const void* source, const Transposition& shape,
                       safetensors::ElementType to_type, void* to);

}  // namespace trireme::launcher
