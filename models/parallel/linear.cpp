#include "models/parallel/linear.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include "models/kernels/kernels.hpp"

namespace trireme::parallel {
namespace {

at::Tensor rows(const at::Tensor& x) { return x.flatten(0, -2); }

at::Tensor empty_like_rows(const at::Tensor& x, std::int64_t columns) {
  auto shape = x.sizes().vec();
  shape.back() = columns;
  return at::empty(shape, x.options());
}

}  // namespace

void linear_into(const at::Tensor& x, const at::Tensor& w, at::Tensor& y) { at::mm_out(y, x, w.t()); }

void linear_input_grad_into(const at::Tensor& dy, const at::Tensor& w, at::Tensor& dx) { at::mm_out(dx, dy, w); }

at::Tensor linear(const at::Tensor& x, const at::Tensor& w) {
  at::Tensor y = empty_like_rows(x, w.size(0));
  at::Tensor flat = rows(y);
  linear_into(rows(x), w, flat);
  return y;
}

at::Tensor linear_input_grad(const at::Tensor& dy, const at::Tensor& w) {
  at::Tensor dx = empty_like_rows(dy, w.size(1));
  at::Tensor flat = rows(dx);
  linear_input_grad_into(rows(dy), w, flat);
  return dx;
}

void linear_weight_grad(const at::Tensor& dy, const at::Tensor& x, Block& block) {
  const double beta = block.take_first() ? 0.0 : 1.0;
  const at::Tensor left = rows(dy).t();
  const at::Tensor right = rows(x);
  if (dy.scalar_type() == block.grad.scalar_type()) {
    at::addmm_out(block.grad, block.grad, left, right, beta, 1.0);
  } else if (dy.is_cuda()) {
    at::addmm_out(block.grad, block.grad, left, right, block.grad.scalar_type(), beta, 1.0);
  } else if (beta == 0.0) {
    block.grad.copy_(at::mm(left, right));
  } else {
    kernels::accumulate(block.grad, at::mm(left, right));
  }
}

void bias_grad(const at::Tensor& x, Block& block) { kernels::column_sum(x, block.grad, block.take_first()); }

void add_grad(const at::Tensor& grad, Block& block) {
  if (block.take_first()) {
    block.grad.copy_(grad);
  } else {
    kernels::accumulate(block.grad, grad);
  }
}

}  // namespace trireme::parallel
