// The operations of kernels.hpp that are ATen's on device tensors, with the meanings stated there. They run on tensors
// of any device that ATen has them for, so that tests compare them with the host's kernels. Private to models/kernels,
// except for add_product().
#pragma once

#include "models/kernels/kernels.hpp"

namespace trireme::kernels::portable {

NormForward rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
/// ATen has it for devices only.
NormBackward rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                               const at::Tensor& weight);

at::Tensor gelu(at::Tensor& h, const at::Tensor& bias);
at::Tensor gelu_backward(at::Tensor dy, const at::Tensor& h);

void add(at::Tensor& y, const at::Tensor& x, const at::Tensor& bias);
void column_sum(const at::Tensor& x, at::Tensor& sums, bool overwrite);
void accumulate(at::Tensor& sum, const at::Tensor& x);
void add_rows(at::Tensor& grad, const at::Tensor& rows, const at::Tensor& dy);

/// sums = beta * sums + a b, for bf16 matrices a (n, k) and b (k, m) of any strides and fp32 sums (n, m). No rounding
/// to bf16 comes in between. ATen has it for devices only.
void add_product(at::Tensor& sums, const at::Tensor& a, const at::Tensor& b, double beta);

}  // namespace trireme::kernels::portable
