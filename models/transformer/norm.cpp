#include "models/transformer/norm.hpp"

#include "models/parallel/linear_products.hpp"

namespace trireme::transformer {

Norm::Norm(parallel::ParameterStore& parameters, const std::string& name, const spec::NormSpec& spec)
    : weight_(&parameters.block(name + ".weight")), spec_(spec) {
  if (spec.bias) bias_ = &parameters.block(name + ".bias");
}

kernels::NormForward Norm::forward(const at::Tensor& x) const {
  return kernels::norm(x, weight_->values().tensor(), bias().tensor(), spec_);
}

at::Tensor Norm::backward(const at::Tensor& grad, const at::Tensor& x, const kernels::NormForward& forward) const {
  const parallel::ValueLease weight = weight_->values(), own_bias = bias();
  const kernels::NormBackward d = kernels::norm_backward(grad, x, forward, weight.tensor(), own_bias.tensor(), spec_);
  parallel::add_grad(d.weight, *weight_);
  if (bias_ != nullptr) parallel::add_grad(d.bias, *bias_);
  return d.input;
}

}  // namespace trireme::transformer
