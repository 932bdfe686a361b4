// The operations of kernels.hpp and qk_norm.hpp that are ATen's on device tensors, with the meanings stated there. They
// run on tensors of any device that ATen has them for, so that tests compare them with the host's kernels. Private to
// models/kernels, except for add_product().
#pragma once

#include "models/kernels/kernels.hpp"
#include "models/kernels/qk_norm.hpp"

namespace trireme::kernels::portable {

NormForward norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec);
/// ATen has RMSNorm's for devices only.
NormBackward norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                           const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec);

at::Tensor head_norm(const at::Tensor& x, const Columns& columns, const at::Tensor& weight, const spec::NormSpec& norm,
                     at::Tensor& y);
at::Tensor head_norm_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& rstd,
                              const at::Tensor& weight, const spec::NormSpec& norm);
at::Tensor row_squares(const at::Tensor& x, const Columns& owned);
void scale_rows(const at::Tensor& x, const Columns& columns, const at::Tensor& rstd, const at::Tensor& weight,
                const spec::NormSpec& norm, at::Tensor& y);
at::Tensor row_dots(const at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& weight,
                    const spec::NormSpec& norm);
at::Tensor scale_rows_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const Columns& owned,
                               const at::Tensor& rstd, const at::Tensor& dots, std::int64_t width,
                               const at::Tensor& weight, const spec::NormSpec& norm);

at::Tensor activate(at::Tensor& h, const at::Tensor& bias, spec::Activation activation, bool gated);
at::Tensor activate_backward(const at::Tensor& dy, const at::Tensor& h, spec::Activation activation, bool gated);

void add(at::Tensor& y, const at::Tensor& x, const at::Tensor& bias);
void column_sum(const at::Tensor& x, at::Tensor& sums, bool overwrite);
void accumulate(at::Tensor& sum, const at::Tensor& x);
void add_rows(at::Tensor& grad, const at::Tensor& rows, const at::Tensor& dy);

/// sums = beta * sums + a b, for bf16 matrices a (n, k) and b (k, m) of any strides and fp32 sums (n, m). No rounding
/// to bf16 comes in between. ATen has it for devices only.
void add_product(at::Tensor& sums, const at::Tensor& a, const at::Tensor& b, double beta);

/// They read `pieces` on the host.
void sgd(const cpu::SgdStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers);
void lion(const cpu::LionStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers);

}  // namespace trireme::kernels::portable
