#include "models/parallel/gradient_sink.hpp"

#include "models/parallel/linear_products.hpp"

namespace trireme::parallel {

void ImmediateGradients::weight(at::Tensor dy, at::Tensor x, Block& block) {
  if (block.trainable()) linear_weight_grad(dy, x, block);
}

void ImmediateGradients::bias(at::Tensor dy, Block& block) {
  if (block.trainable()) bias_grad(dy, block);
}

}  // namespace trireme::parallel
