#include "models/transformer/norm.hpp"

#include "models/parallel/linear_products.hpp"

namespace trireme::transformer {

Norm::Norm(parallel::ParameterStore& parameters, const std::string& name, const spec::NormSpec& spec)
    : weight_(&parameters.block(name + ".weight")), spec_(spec) {
  if (spec.bias) bias_ = &parameters.block(name + ".bias");
}

kernels::NormForward Norm::forward(const at::Tensor& x) const {
  return kernels::norm(x, weight_->value, bias(), spec_);
}

at::Tensor Norm::backward(const at::Tensor& grad, const at::Tensor& x, const kernels::NormForward& forward) const {
  const kernels::NormBackward d = kernels::norm_backward(grad, x, forward, weight_->value, bias(), spec_);
  parallel::add_grad(d.weight, *weight_);
  if (bias_ != nullptr) parallel::add_grad(d.bias, *bias_);
  return d.input;
}

}  // namespace trireme::transformer
