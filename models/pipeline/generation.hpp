// Computes logits of the next token in any layout, with key/value caches on every stage.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "models/pipeline/runner.hpp"
#include "models/spec/plan.hpp"

namespace trireme::pipeline {

class Generation {
 public:
  /// `stage` must outlive it. `options`: type and device of the arithmetic.
  Generation(Stage& stage, const spec::ModelPlan& model, std::int64_t batch, std::int64_t max_tokens,
             const at::TensorOptions& options);

  /// Appends `tokens` (batch, new) and returns the logits of the next one, (batch, vocab) fp32 on the CPU.
  at::Tensor next_logits(const at::Tensor& tokens);

 private:
  Stage& stage_;
  const spec::ModelPlan& model_;
  std::int64_t batch_;
  at::TensorOptions options_;
  std::vector<std::unique_ptr<transformer::KeyValueCache>> caches_;  ///< one for each of the stage's chunks
};

}  // namespace trireme::pipeline
