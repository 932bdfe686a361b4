#include "models/transformer/norm.hpp"

#include "models/parallel/linear_products.hpp"

namespace trireme::transformer {

Norm::Norm(parallel::ParameterStore& parameters, const std::string& name, double eps)
    : weight_(&parameters.block(name + ".weight")), eps_(eps) {
  if (parameters.has_block(name + ".bias")) bias_ = &parameters.block(name + ".bias");
}

kernels::NormForward Norm::forward(const at::Tensor& x) const { return kernels::norm(x, weight_->value, bias(), eps_); }

at::Tensor Norm::backward(const at::Tensor& grad, const at::Tensor& x, const kernels::NormForward& forward) const {
  const kernels::NormBackward d = kernels::norm_backward(grad, x, forward, weight_->value, bias());
  parallel::add_grad(d.weight, *weight_);
  if (bias_ != nullptr) parallel::add_grad(d.bias, *bias_);
  return d.input;
}

}  // namespace trireme::transformer
