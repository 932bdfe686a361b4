// How the heads of fused rows are seen by the ways to compute attention. Private to models/attention.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/attention/setting.hpp"

namespace trireme::attention {

/// Views (T, B, heads * size) as (B, heads, T, size).
inline at::Tensor by_head(const at::Tensor& x_TBD, std::int64_t heads, std::int64_t head_size) {
  return x_TBD.unflatten(2, {heads, head_size}).permute({1, 2, 0, 3});
}

/// Expands (B, kv_heads, T, size) to (B, query_heads, T, size).
inline at::Tensor repeat_heads(const at::Tensor& kv, const Setting& setting) {
  const std::int64_t group = setting.regular_group();
  if (group == 1) return kv;
  if (group == 0) return kv.index_select(1, setting.kv_index);
  return kv.unsqueeze(2).expand({-1, -1, group, -1, -1}).flatten(1, 2);
}

/// Takes (B, heads, T, size) and returns (T, B, heads * size).
inline at::Tensor by_position(const at::Tensor& output) {
  return output.permute({2, 0, 1, 3}).flatten(2, 3).contiguous();
}

}  // namespace trireme::attention
