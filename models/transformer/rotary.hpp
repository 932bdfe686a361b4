// Rotary position tables (Su et al., "RoFormer", 2021). The angle of position p and pair i is p * theta^(-2i /
// head_size).
#pragma once

#include <ATen/core/Tensor.h>

namespace trireme::transformer {

struct RotaryTables {
  at::Tensor cosine;  ///< (positions, head_size / 2)
  at::Tensor sine;
};

/// The tables are computed in fp64 and rounded to `type`.
RotaryTables rotary_tables(std::int64_t positions, std::int64_t head_size, double theta, at::ScalarType type,
                           at::Device device);

}  // namespace trireme::transformer
