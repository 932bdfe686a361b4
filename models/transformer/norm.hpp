// The norm of a residual stream, with the parameters that it scales by.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "models/kernels/kernels.hpp"
#include "models/parallel/parameters.hpp"
#include "models/spec/plan.hpp"

namespace trireme::transformer {

/// RMSNorm or LayerNorm as `spec` says (kernels::norm). Every tp rank holds the whole weight.
class Norm {
 public:
  Norm() = default;
  /// Finds the blocks `name`.weight and, if the norm has one, `name`.bias. `parameters` must outlive this object.
  Norm(parallel::ParameterStore& parameters, const std::string& name, const spec::NormSpec& spec);

  kernels::NormForward forward(const at::Tensor& x) const;
  /// Adds to the gradients of weight and bias, and returns the gradient of x in memory of its own. `forward`: what
  /// forward(x) returned; its output is not needed.
  at::Tensor backward(const at::Tensor& grad, const at::Tensor& x, const kernels::NormForward& forward) const;

 private:
  parallel::ValueLease bias() const { return bias_ == nullptr ? parallel::ValueLease() : bias_->values(); }

  parallel::Block* weight_ = nullptr;
  parallel::Block* bias_ = nullptr;
  spec::NormSpec spec_;
};

}  // namespace trireme::transformer
