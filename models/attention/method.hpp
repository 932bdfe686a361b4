// The ways to compute causal attention of heads. Tensors are (B, heads, T, size) with consecutive elements of a head.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace trireme::attention {

enum class Method {
  kHost,       ///< fused, on the CPU
  kFlash,      ///< fused, on GPUs, in bf16 (Dao, "FlashAttention-2", 2023); heads of k and v may serve several of q
  kEfficient,  ///< fused, on GPUs, in bf16 and fp32
  kPlain,      ///< products and a softmax, which hold all T x T scores; on any device in any type
};

/// The method for tensors of a GPU (`cuda`) or the CPU.
Method method_for(bool cuda, at::ScalarType type, std::int64_t head_size);

struct QueryKeyValue {
  at::Tensor q;
  at::Tensor k;
  at::Tensor v;
};

/// Returns the output, shaped like q; `saved` gets what backward needs. Scores are multiplied by `scale`.
at::Tensor run(Method method, const QueryKeyValue& x, double scale, std::vector<at::Tensor>& saved);
/// Returns the gradients of q, k and v, each with its operand's shape, given the output's gradient.
QueryKeyValue run_backward(Method method, const at::Tensor& grad, const QueryKeyValue& x,
                                     const at::Tensor& output, const std::vector<at::Tensor>& saved, double scale);

}  // namespace trireme::attention
