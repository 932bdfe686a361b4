#include "models/attention/setting.hpp"

#include <ATen/ops/tensor.h>

#include "base/error.hpp"

namespace trireme::attention {

std::int64_t Setting::regular_group() const {
  if (query_heads % kv_heads != 0) return 0;
  const std::int64_t group = query_heads / kv_heads;
  for (std::int64_t h = 0; h < query_heads; ++h) {
    if (kv_of_query[static_cast<std::size_t>(h)] != h / group) return 0;
  }
  return group;
}

Setting rank_setting(const spec::AttentionSpec& attention, int tp_rank, int tp, at::Device device) {
  if (attention.window > 0 && attention.mask != spec::Mask::kCausal) {
    throw base::Error("a window of attention needs the causal mask");
  }
  Setting setting;
  setting.query_heads = attention.heads / tp;
  setting.head_size = attention.head_size;
  setting.scale = attention.scale;
  setting.mask = attention.mask;
  setting.window = attention.window;
  setting.soft_cap = attention.soft_cap;
  const auto kv_of = [&](std::int64_t h) {
    return (tp_rank * setting.query_heads + h) * attention.kv_heads / attention.heads;
  };
  for (std::int64_t h = 0; h < setting.query_heads; ++h) setting.kv_of_query.push_back(kv_of(h) - kv_of(0));
  setting.kv_heads = setting.kv_of_query.back() + 1;
  if (setting.regular_group() == 0) setting.kv_index = at::tensor(setting.kv_of_query, at::kLong).to(device);
  return setting;
}

}  // namespace trireme::attention
