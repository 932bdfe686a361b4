// Causal self-attention of the heads of one rank, over fused q, k, v; keys and values may serve several query heads
// (Ainslie et al., "GQA", 2023).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/attention/method.hpp"
#include "models/attention/setting.hpp"

namespace trireme::attention {

struct Forward {
  at::Tensor output_TBD;          ///< (T, B, query_width)
  std::vector<at::Tensor> saved;  ///< what backward needs in addition; empty when it is recomputed
};

/// qkv_TBC: (T, B, query_width + 2 kv_width), already rotated. Uses the method that fits its device and type.
Forward forward(const at::Tensor& qkv_TBC, const Setting& heads);
/// Returns the gradient of qkv, with its shape.
at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                              const Setting& heads);

/// These use a given method, which must be the same in both calls.
Forward forward(const at::Tensor& qkv_TBC, const Setting& heads, Method method);
at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                              const Setting& heads, Method method);

/// Without gradients: T new queries of qkv_TBC follow `past` cached positions. keys and values (past + T, B, kv_width)
/// already hold the new ones. Returns (T, B, query_width).
at::Tensor cached(const at::Tensor& qkv_TBC, const at::Tensor& keys, const at::Tensor& values,
                            std::int64_t past, const Setting& heads);

}  // namespace trireme::attention
