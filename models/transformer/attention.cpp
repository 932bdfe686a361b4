#include "models/transformer/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "models/spec/logical_tensor.hpp"

namespace trireme::transformer {
namespace {

/// Views (T, B, heads * size) as (B, heads, T, size).
at::Tensor by_head(const at::Tensor& x_TBD, std::int64_t heads, std::int64_t head_size) {
  return x_TBD.unflatten(2, {heads, head_size}).permute({1, 2, 0, 3});
}

/// Expands (B, kv_heads, T, size) to (B, query_heads, T, size).
at::Tensor repeat_heads(const at::Tensor& kv, const HeadLayout& heads) {
  const std::int64_t group = heads.regular_group();
  if (group == 1) return kv;
  if (group == 0) return kv.index_select(1, heads.kv_index);
  return kv.unsqueeze(2).expand({-1, -1, group, -1, -1}).flatten(1, 2);
}

/// Writes the gradient of repeat_heads to `out` (B, kv_heads, T, size).
void sum_heads(const at::Tensor& grad, const HeadLayout& heads, const at::Tensor& out) {
  const std::int64_t group = heads.regular_group();
  if (group == 1) {
    out.copy_(grad);
  } else if (group == 0) {
    out.copy_(at::zeros(out.sizes(), grad.options()).index_add_(1, heads.kv_index, grad));
  } else {
    out.copy_(grad.unflatten(1, {heads.kv_heads, group}).sum(2));
  }
}

QueryKeyValue split(const at::Tensor& qkv_TBC, const HeadLayout& heads) {
  const std::int64_t q = heads.query_width();
  const std::int64_t kv = heads.kv_width();
  return {by_head(qkv_TBC.narrow(2, 0, q), heads.query_heads, heads.head_size),
          by_head(qkv_TBC.narrow(2, q, kv), heads.kv_heads, heads.head_size),
          by_head(qkv_TBC.narrow(2, q + kv, kv), heads.kv_heads, heads.head_size)};
}

double scale_of(const HeadLayout& heads) { return 1.0 / std::sqrt(static_cast<double>(heads.head_size)); }

AttentionMethod method_for(const at::Tensor& x, const HeadLayout& heads) {
  return attention_method(x.is_cuda(), x.scalar_type(), heads.head_size);
}

/// Whether the method takes key and value heads as they are, each for a group of query heads.
bool keeps_groups(AttentionMethod method, const HeadLayout& heads) {
  return method == AttentionMethod::kFlash && heads.regular_group() > 0;
}

/// What the method computes with.
QueryKeyValue operands(const at::Tensor& qkv_TBC, const HeadLayout& heads, AttentionMethod method) {
  QueryKeyValue x = split(qkv_TBC, heads);
  if (keeps_groups(method, heads)) return x;
  x.k = repeat_heads(x.k, heads);
  x.v = repeat_heads(x.v, heads);
  return x;
}

}  // namespace

std::int64_t HeadLayout::regular_group() const {
  if (query_heads % kv_heads != 0) return 0;
  const std::int64_t group = query_heads / kv_heads;
  for (std::int64_t h = 0; h < query_heads; ++h) {
    if (kv_of_query[static_cast<std::size_t>(h)] != h / group) return 0;
  }
  return group;
}

HeadLayout head_layout(const spec::ModelConfig& config, int tp_rank, int tp, at::Device device) {
  const spec::HeadRange range = spec::key_heads(config, tp_rank, tp);
  HeadLayout layout;
  layout.query_heads = config.heads / tp;
  layout.kv_heads = range.count;
  layout.head_size = config.head_size();
  for (std::int64_t h = 0; h < layout.query_heads; ++h) {
    const std::int64_t global = tp_rank * layout.query_heads + h;
    layout.kv_of_query.push_back(global * config.kv_heads / config.heads - range.first);
  }
  if (layout.regular_group() == 0) layout.kv_index = at::tensor(layout.kv_of_query, at::kLong).to(device);
  return layout;
}

AttentionForward attention(const at::Tensor& qkv_TBC, const HeadLayout& heads, AttentionMethod method) {
  const QueryKeyValue x = operands(qkv_TBC, heads, method);
  AttentionForward result;
  const at::Tensor output = run_attention(method, x, scale_of(heads), result.saved);
  result.output_TBD = output.permute({2, 0, 1, 3}).flatten(2, 3).contiguous();
  return result;
}

at::Tensor attention_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const AttentionForward& forward,
                              const HeadLayout& heads, AttentionMethod method) {
  const QueryKeyValue x = operands(qkv_TBC, heads, method);
  const auto per_head = [&](const at::Tensor& y) { return by_head(y, heads.query_heads, heads.head_size); };
  const QueryKeyValue d = run_attention_backward(method, per_head(grad_TBD), x, per_head(forward.output_TBD),
                                                 forward.saved, scale_of(heads));
  at::Tensor grad_TBC = at::empty(qkv_TBC.sizes(), qkv_TBC.options());
  QueryKeyValue into = split(grad_TBC, heads);
  into.q.copy_(d.q);
  if (keeps_groups(method, heads)) {
    into.k.copy_(d.k);
    into.v.copy_(d.v);
  } else {
    sum_heads(d.k, heads, into.k);
    sum_heads(d.v, heads, into.v);
  }
  return grad_TBC;
}

AttentionForward attention(const at::Tensor& qkv_TBC, const HeadLayout& heads) {
  return attention(qkv_TBC, heads, method_for(qkv_TBC, heads));
}

at::Tensor attention_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const AttentionForward& forward,
                              const HeadLayout& heads) {
  return attention_backward(grad_TBD, qkv_TBC, forward, heads, method_for(qkv_TBC, heads));
}

at::Tensor attention_cached(const at::Tensor& qkv_TBC, const at::Tensor& keys, const at::Tensor& values,
                            std::int64_t past, const HeadLayout& heads) {
  const std::int64_t length = qkv_TBC.size(0);
  const at::Tensor q = split(qkv_TBC, heads).q;
  const at::Tensor k = repeat_heads(by_head(keys, heads.kv_heads, heads.head_size), heads);
  const at::Tensor v = repeat_heads(by_head(values, heads.kv_heads, heads.head_size), heads);
  std::optional<at::Tensor> mask;
  if (length > 1 && past > 0) mask = at::ones({length, past + length}, q.options().dtype(at::kBool)).tril_(past);
  const at::Tensor output =
      at::scaled_dot_product_attention(q, k, v, mask, 0.0, length > 1 && past == 0, scale_of(heads));
  return output.permute({2, 0, 1, 3}).flatten(2, 3).contiguous();
}

}  // namespace trireme::transformer
