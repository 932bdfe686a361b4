// A model, how it is spread over ranks, and what computes it: what training and inference have in common.
#pragma once

#include <ATen/core/Tensor.h>

#include "collectives/topology/mesh.hpp"
#include "models/spec/plan.hpp"

namespace trireme::pipeline {

enum class Precision { kFp32, kFp64, kBf16 };

/// The type of the arithmetic and of the weights that it reads.
at::ScalarType value_type(Precision precision);

struct ModelSetup {
  spec::ModelPlan model;
  topology::Degrees degrees;
  int chunks = 1;                          ///< per stage
  bool sequence_parallel = true;           ///< ignored with tp = 1
  Precision precision = Precision::kFp32;  ///< precision of the arithmetic; in bf16 a training keeps fp32 masters
  at::Device device = at::kCPU;
};

}  // namespace trireme::pipeline
