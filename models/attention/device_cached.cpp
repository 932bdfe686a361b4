#include "models/attention/device_cached.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <optional>

#include "models/attention/heads.hpp"
#include "models/attention/plain.hpp"

namespace trireme::attention {
namespace {

/// The output (count, query_width) of one sequence's new positions.
at::Tensor one_sequence(const at::Tensor& qkv, const CachedSequence& sequence, const Setting& setting) {
  const auto cache = [&](const at::Tensor& kv) {
    return repeat_heads(by_head(kv.unsqueeze(1), setting.kv_heads, setting.head_size), setting);
  };
  const QueryKeyValue x{
      by_head(qkv.narrow(1, 0, setting.query_width()).unsqueeze(1), setting.query_heads, setting.head_size),
      cache(sequence.keys), cache(sequence.values)};
  const std::int64_t keys = sequence.keys.size(0);
  const at::Tensor hidden = hidden_keys(sequence.count, keys, setting, {}, x.q);
  if (setting.soft_cap > 0) {
    std::vector<at::Tensor> unused;
    return by_position(plain(x, setting, hidden, unused)).squeeze(1);
  }
  // The fused kernels know the causal mask where it starts at the first key, and take no other.
  const bool causal = setting.causal() && setting.window == 0 && keys == sequence.count;
  std::optional<at::Tensor> mask;
  if (!causal && hidden.defined()) mask = hidden.logical_not();
  return by_position(at::scaled_dot_product_attention(x.q, x.k, x.v, mask, 0.0, causal, setting.scale)).squeeze(1);
}

}  // namespace

at::Tensor device_cached(const at::Tensor& qkv_NC, const std::vector<CachedSequence>& sequences,
                         const Setting& setting) {
  std::vector<at::Tensor> outputs;
  for (const CachedSequence& sequence : sequences) {
    outputs.push_back(one_sequence(qkv_NC.narrow(0, sequence.first, sequence.count), sequence, setting));
  }
  return at::cat(outputs);
}

}  // namespace trireme::attention
