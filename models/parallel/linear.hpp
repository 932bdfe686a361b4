// The three matrix products of a linear layer without bias, w (out, in). Leading dims of x and dy are rows.
// The only place that chooses how a product is computed.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/parallel/parameters.hpp"

namespace trireme::parallel {

/// x (…, in) -> x w^T (…, out).
at::Tensor linear(const at::Tensor& x, const at::Tensor& w);
/// dy (…, out) -> dy w (…, in).
at::Tensor linear_input_grad(const at::Tensor& dy, const at::Tensor& w);
/// block.grad = or += dy^T x, in the gradient's type, as the block's take_first() says.
void linear_weight_grad(const at::Tensor& dy, const at::Tensor& x, Block& block);

/// The same as linear and linear_input_grad into given matrices (rows, out) and (rows, in).
void linear_into(const at::Tensor& x, const at::Tensor& w, at::Tensor& y);
void linear_input_grad_into(const at::Tensor& dy, const at::Tensor& w, at::Tensor& dx);

/// block.grad = or += the sum of x's rows.
void bias_grad(const at::Tensor& x, Block& block);
/// block.grad = or += grad, of any type and the block's shape.
void add_grad(const at::Tensor& grad, Block& block);

}  // namespace trireme::parallel
