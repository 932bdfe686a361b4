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

at::Tensor Linear::forward(const at::Tensor& input, const TensorGroup& group, bool rows_apart) const {
  at::Tensor y = linear_product(input, weight_->values().tensor(), rows_apart);
  return split_ == LinearSplit::kRow ? group.leave(std::move(y)) : y;
}

LinearGradient Linear::enter_backward(const at::Tensor& dy, const TensorGroup& group) const {
  return {dy, split_ == LinearSplit::kRow ? group.enter(dy) : dy};
}

void Linear::backward_weight(const LinearGradient& dy, at::Tensor input, GradientSink& gradients) const {
  if (bias_ != nullptr) gradients.bias(dy.own, *bias_);
  gradients.weight(dy.complete, std::move(input), *weight_);
}

at::Tensor Linear::backward_input(const LinearGradient& dy, const TensorGroup& group) const {
  at::Tensor dx = linear_input_grad(dy.complete, weight_->values().tensor());
  return split_ == LinearSplit::kColumn ? group.leave(std::move(dx)) : dx;
}

at::Tensor Linear::backward(const at::Tensor& dy, at::Tensor input, const TensorGroup& group,
                            GradientSink& gradients) const {
  const LinearGradient gradient = enter_backward(dy, group);
  backward_weight(gradient, std::move(input), gradients);
  return backward_input(gradient, group);
}

}  // namespace trireme::parallel
