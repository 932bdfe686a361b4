// What attention computes for the heads of one tp rank. Keys and values may serve several query heads (Ainslie et al.,
// "GQA", 2023).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/spec/plan.hpp"

namespace trireme::attention {

/// A row of q, k, v holds query heads, then key heads, then value heads.
struct Setting {
  std::int64_t query_heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::vector<std::int64_t> kv_of_query;  ///< local kv head of each local query head
  at::Tensor kv_index;                    ///< the same, int64 on the model's device; undefined when the map is regular
  double scale = 1.0;                     ///< factor of the scores
  spec::Mask mask = spec::Mask::kCausal;
  std::int64_t window = 0;  ///< a position sees the last `window` ones, itself included; 0: all. Causal only
  double soft_cap = 0;      ///< scaled scores become cap * tanh(score / cap); 0: they stay

  std::int64_t query_width() const { return query_heads * head_size; }
  std::int64_t kv_width() const { return kv_heads * head_size; }
  std::int64_t width() const { return query_width() + 2 * kv_width(); }
  bool causal() const { return mask == spec::Mask::kCausal; }
  /// Returns n when each kv head serves n consecutive query heads; 0 when the map is not that regular.
  std::int64_t regular_group() const;
};

/// The part of tp rank `tp_rank`. Throws base::Error for a window without causal mask.
Setting rank_setting(const spec::AttentionSpec& attention, int tp_rank, int tp, at::Device device);

}  // namespace trireme::attention
