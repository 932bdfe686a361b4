// The three matrix products of a linear layer without bias, w (out, in). Leading dims of x and dy are rows. Only this
// file chooses how a product is computed.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/parallel/parameters.hpp"

namespace trireme::parallel {

/// Whether oneDNN computes the host's products in fp32; ATen's library (MKL) computes all others.
bool uses_onednn();

enum class ProductLibrary { kMkl, kOneDnn };
/// Whether this processor lets oneDNN compute products in fp32.
bool onednn_runs_here();
/// result = beta * result + a b for matrices of one type and any strides; beta is 0 or 1. oneDNN takes fp32 on the
/// host.
void product_by(ProductLibrary library, const at::Tensor& a, const at::Tensor& b, double beta, at::Tensor& result);
/// result = a b, likewise, by the library that is faster here.
void product_into(const at::Tensor& a, const at::Tensor& b, at::Tensor& result);

/// Takes x (…, in) and returns x w^T, (…, out). With `rows_apart` a row's result on the CPU has the same bits whatever
/// the other rows are (kernels::row_product()), and few rows take as long as reading w.
at::Tensor linear_product(const at::Tensor& x, const at::Tensor& w, bool rows_apart = false);
/// Takes dy (…, out) and returns dy w, (…, in).
at::Tensor linear_input_grad(const at::Tensor& dy, const at::Tensor& w);
/// block.grad = or += dy^T x, in the gradient's type; the block's take_first() decides which.
void linear_weight_grad(const at::Tensor& dy, const at::Tensor& x, Block& block);

/// The three with given results, (rows, out), (rows, in) and (out, in): the gradients are overwritten
/// or added to.
void linear_product_into(const at::Tensor& x, const at::Tensor& w, at::Tensor& y);
void linear_input_grad_into(const at::Tensor& dy, const at::Tensor& w, bool overwrite, at::Tensor& dx);
void linear_weight_grad_into(const at::Tensor& dy, const at::Tensor& x, bool overwrite, at::Tensor& grad);

/// block.grad = or += the sum of x's rows.
void bias_grad(const at::Tensor& x, Block& block);
/// block.grad = or += grad, which has any type and the block's shape. Does nothing for a frozen block.
void add_grad(const at::Tensor& grad, Block& block);

}  // namespace trireme::parallel
