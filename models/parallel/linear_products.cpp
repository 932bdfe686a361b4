#include "models/parallel/linear_products.hpp"

#include <ATen/Context.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include "models/kernels/portable.hpp"
#include "models/kernels/row_product.hpp"

// oneDNN's product of two matrices of any strides, result = beta * result + alpha * a b. libtorch_cpu exports it, but
// no header declares it. In fp32 it runs at two to three times the speed of at::mm (MKL) on AMD processors, where MKL
// uses AVX2 only; on Intel's MKL uses AVX-512 too and is faster.
namespace at::native {
void mkldnn_matmul(const Tensor& a, const Tensor& b, const Tensor& result, float beta, float alpha);
}

namespace trireme::parallel {
namespace {

bool use_onednn(const at::Tensor& out, const at::Tensor& a) {
  return uses_onednn() && out.is_cpu() && out.scalar_type() == at::kFloat && out.numel() > 0 && a.numel() > 0;
}

/// out = beta * out + a b. All have one type; beta is 0 or 1.
void product(const at::Tensor& a, const at::Tensor& b, double beta, at::Tensor& out) {
  product_by(use_onednn(out, a) ? ProductLibrary::kOneDnn : ProductLibrary::kMkl, a, b, beta, out);
}

at::Tensor rows(const at::Tensor& x) { return x.flatten(0, -2); }

at::Tensor empty_like_rows(const at::Tensor& x, std::int64_t columns) {
  auto shape = x.sizes().vec();
  shape.back() = columns;
  return at::empty(shape, x.options());
}

}  // namespace

bool onednn_runs_here() {
  // mkldnn_matmul() refuses other processors, for fp32 too.
  static const bool takes =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return takes && at::globalContext().userEnabledMkldnn();
}

bool uses_onednn() {
  static const bool intel = __builtin_cpu_is("intel") != 0;
  return !intel && onednn_runs_here();
}

void product_by(ProductLibrary library, const at::Tensor& a, const at::Tensor& b, double beta, at::Tensor& result) {
  if (library == ProductLibrary::kOneDnn) {
    at::native::mkldnn_matmul(a, b, result, static_cast<float>(beta), 1.0F);
  } else if (beta == 0.0) {
    at::mm_out(result, a, b);
  } else {
    at::addmm_out(result, result, a, b, beta, 1.0);
  }
}

void product_into(const at::Tensor& a, const at::Tensor& b, at::Tensor& result) { product(a, b, 0.0, result); }

void linear_product_into(const at::Tensor& x, const at::Tensor& w, at::Tensor& y) { product(x, w.t(), 0.0, y); }

void linear_input_grad_into(const at::Tensor& dy, const at::Tensor& w, bool overwrite, at::Tensor& dx) {
  product(dy, w, overwrite ? 0.0 : 1.0, dx);
}

void linear_weight_grad_into(const at::Tensor& dy, const at::Tensor& x, bool overwrite, at::Tensor& grad) {
  const double beta = overwrite ? 0.0 : 1.0;
  const at::Tensor left = rows(dy).t();
  const at::Tensor right = rows(x);
  if (dy.scalar_type() == grad.scalar_type()) {
    product(left, right, beta, grad);
  } else if (dy.is_cuda()) {
    kernels::portable::add_product(grad, left, right, beta);
  } else if (overwrite) {
    grad.copy_(at::mm(left, right));
  } else {
    kernels::accumulate(grad, at::mm(left, right));
  }
}

at::Tensor linear_product(const at::Tensor& x, const at::Tensor& w, bool rows_apart) {
  at::Tensor y = empty_like_rows(x, w.size(0));
  at::Tensor flat = rows(y);
  if (rows_apart && x.is_cpu()) {
    kernels::row_product(rows(x).contiguous(), w, flat);
  } else {
    linear_product_into(rows(x), w, flat);
  }
  return y;
}

at::Tensor linear_input_grad(const at::Tensor& dy, const at::Tensor& w) {
  at::Tensor dx = empty_like_rows(dy, w.size(1));
  at::Tensor flat = rows(dx);
  linear_input_grad_into(rows(dy), w, true, flat);
  return dx;
}

void linear_weight_grad(const at::Tensor& dy, const at::Tensor& x, Block& block) {
  linear_weight_grad_into(dy, x, block.take_first(), block.grad);
}

void bias_grad(const at::Tensor& x, Block& block) { kernels::column_sum(x, block.grad, block.take_first()); }

void add_grad(const at::Tensor& grad, Block& block) {
  if (!block.trainable()) return;
  if (block.take_first()) {
    block.grad.copy_(grad);
  } else {
    kernels::accumulate(block.grad, grad);
  }
}

}  // namespace trireme::parallel
