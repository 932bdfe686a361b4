// The ways to compute attention of heads, and the one place where a case gets its own. Tensors are (B, heads, T, size)
// with consecutive elements of a head.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/attention/setting.hpp"

namespace trireme::attention {

enum class Method {
  kHost,       ///< our blockwise kernels on the CPU (models/attention/host.hpp)
  kFlash,      ///< fused, on GPUs, in bf16 (Dao, "FlashAttention-2", 2023); heads of k and v may serve several of q
  kEfficient,  ///< fused, on GPUs, in bf16 and fp32; without windows
  kPlain,      ///< products and a softmax in the wide type, which hold all T x T scores; on any device
};

/// The method for tensors of a GPU (`cuda`) or the CPU, for sequences of several `documents` or of one.
Method method_for(bool cuda, at::ScalarType type, const Setting& setting, bool documents);

/// The method in words for a log, such as "flash attention".
std::string words(Method method);

struct QueryKeyValue {
  at::Tensor q;
  at::Tensor k;
  at::Tensor v;
};

/// Returns the output, shaped like q; `saved` gets what backward needs. For all methods but kHost. Heads of k and v are
/// those of q, with kFlash also a divisor of them. Starts may be defined with kPlain only.
at::Tensor run(Method method, const QueryKeyValue& x, const Setting& setting, const at::Tensor& starts_BT,
               std::vector<at::Tensor>& saved);
/// Returns the gradients of q, k and v, each with its operand's shape, given the output's gradient.
QueryKeyValue run_backward(Method method, const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& output,
                           const std::vector<at::Tensor>& saved, const Setting& setting);

}  // namespace trireme::attention
