#include "models/parallel/linear.hpp"

#include <utility>

#include "models/parallel/linear_products.hpp"

namespace trireme::parallel {

Linear::Linear(LinearSplit split, ParameterStore& parameters, const std::string& name)
    : split_(split), weight_(&parameters.block(name + ".weight")) {
  if (parameters.has_block(name + ".bias")) bias_ = &parameters.block(name + ".bias");
}

at::Tensor Linear::enter(const at::Tensor& x, const TensorGroup& group) const {
  return split_ == LinearSplit::kColumn ? group.enter(x) : x;
}

at::Tensor Linear::forward(const at::Tensor& input, const TensorGroup& group) const {
  at::Tensor y = linear_product(input, weight_->value);
  return split_ == LinearSplit::kRow ? group.leave(std::move(y)) : y;
}

at::Tensor Linear::backward(const at::Tensor& dy, at::Tensor input, const TensorGroup& group,
                            GradientSink& gradients) const {
  if (bias_ != nullptr) gradients.bias(dy, *bias_);
  const at::Tensor complete = split_ == LinearSplit::kRow ? group.enter(dy) : dy;
  gradients.weight(complete, std::move(input), *weight_);
  at::Tensor dx = linear_input_grad(complete, weight_->value);
  return split_ == LinearSplit::kColumn ? group.leave(std::move(dx)) : dx;
}

}  // namespace trireme::parallel
