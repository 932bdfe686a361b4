// Causal self-attention of the heads of one rank, over fused q, k, v; keys and values may serve several query heads
// (Ainslie et al., "GQA", 2023).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/spec/config.hpp"
#include "models/transformer/attention_method.hpp"

namespace trireme::transformer {

/// The heads of one tp rank. A row of q, k, v holds query heads, then key heads, then value heads.
struct HeadLayout {
  std::int64_t query_heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::vector<std::int64_t> kv_of_query;  ///< local kv head of each local query head
  at::Tensor kv_index;                    ///< the same, int64 on the model's device; undefined when the map is regular

  std::int64_t query_width() const { return query_heads * head_size; }
  std::int64_t kv_width() const { return kv_heads * head_size; }
  /// Returns n when each kv head serves n consecutive query heads; 0 when the map is not that regular.
  std::int64_t regular_group() const;
};
HeadLayout head_layout(const spec::ModelConfig& config, int tp_rank, int tp, at::Device device);

struct AttentionForward {
  at::Tensor output_TBD;          ///< (T, B, query_width)
  std::vector<at::Tensor> saved;  ///< what backward needs in addition; empty when it is recomputed
};

/// qkv_TBC: (T, B, query_width + 2 kv_width), already rotated. Uses the method that fits its device and type.
AttentionForward attention(const at::Tensor& qkv_TBC, const HeadLayout& heads);
/// Returns the gradient of qkv, with its shape.
at::Tensor attention_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const AttentionForward& forward,
                              const HeadLayout& heads);

/// These use a given method, which must be the same in both calls.
AttentionForward attention(const at::Tensor& qkv_TBC, const HeadLayout& heads, AttentionMethod method);
at::Tensor attention_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const AttentionForward& forward,
                              const HeadLayout& heads, AttentionMethod method);

/// Without gradients: T new queries of qkv_TBC follow `past` cached positions. keys and values (past + T, B, kv_width)
/// already hold the new ones. Returns (T, B, query_width).
at::Tensor attention_cached(const at::Tensor& qkv_TBC, const at::Tensor& keys, const at::Tensor& values,
                            std::int64_t past, const HeadLayout& heads);

}  // namespace trireme::transformer
