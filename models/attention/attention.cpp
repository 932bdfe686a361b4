#include "models/attention/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace trireme::attention {
namespace {

/// Views (T, B, heads * size) as (B, heads, T, size).
at::Tensor by_head(const at::Tensor& x_TBD, std::int64_t heads, std::int64_t head_size) {
  return x_TBD.unflatten(2, {heads, head_size}).permute({1, 2, 0, 3});
}

/// Expands (B, kv_heads, T, size) to (B, query_heads, T, size).
at::Tensor repeat_heads(const at::Tensor& kv, const Setting& heads) {
  const std::int64_t group = heads.regular_group();
  if (group == 1) return kv;
  if (group == 0) return kv.index_select(1, heads.kv_index);
  return kv.unsqueeze(2).expand({-1, -1, group, -1, -1}).flatten(1, 2);
}

/// Writes the gradient of repeat_heads to `out` (B, kv_heads, T, size).
void sum_heads(const at::Tensor& grad, const Setting& heads, const at::Tensor& out) {
  const std::int64_t group = heads.regular_group();
  if (group == 1) {
    out.copy_(grad);
  } else if (group == 0) {
    out.copy_(at::zeros(out.sizes(), grad.options()).index_add_(1, heads.kv_index, grad));
  } else {
    out.copy_(grad.unflatten(1, {heads.kv_heads, group}).sum(2));
  }
}

QueryKeyValue split(const at::Tensor& qkv_TBC, const Setting& heads) {
  const std::int64_t q = heads.query_width();
  const std::int64_t kv = heads.kv_width();
  return {by_head(qkv_TBC.narrow(2, 0, q), heads.query_heads, heads.head_size),
          by_head(qkv_TBC.narrow(2, q, kv), heads.kv_heads, heads.head_size),
          by_head(qkv_TBC.narrow(2, q + kv, kv), heads.kv_heads, heads.head_size)};
}

double scale_of(const Setting& heads) { return 1.0 / std::sqrt(static_cast<double>(heads.head_size)); }

Method method_of(const at::Tensor& x, const Setting& heads) {
  return method_for(x.is_cuda(), x.scalar_type(), heads.head_size);
}

/// Whether the method takes key and value heads as they are, each for a group of query heads.
bool keeps_groups(Method method, const Setting& heads) {
  return method == Method::kFlash && heads.regular_group() > 0;
}

/// What the method computes with.
QueryKeyValue operands(const at::Tensor& qkv_TBC, const Setting& heads, Method method) {
  QueryKeyValue x = split(qkv_TBC, heads);
  if (keeps_groups(method, heads)) return x;
  x.k = repeat_heads(x.k, heads);
  x.v = repeat_heads(x.v, heads);
  return x;
}

}  // namespace

Forward forward(const at::Tensor& qkv_TBC, const Setting& heads, Method method) {
  const QueryKeyValue x = operands(qkv_TBC, heads, method);
  Forward result;
  const at::Tensor output = run(method, x, scale_of(heads), result.saved);
  result.output_TBD = output.permute({2, 0, 1, 3}).flatten(2, 3).contiguous();
  return result;
}

at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& kept,
                              const Setting& heads, Method method) {
  const QueryKeyValue x = operands(qkv_TBC, heads, method);
  const auto per_head = [&](const at::Tensor& y) { return by_head(y, heads.query_heads, heads.head_size); };
  const QueryKeyValue d = run_backward(method, per_head(grad_TBD), x, per_head(kept.output_TBD),
                                                 kept.saved, scale_of(heads));
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

Forward forward(const at::Tensor& qkv_TBC, const Setting& heads) {
  return forward(qkv_TBC, heads, method_of(qkv_TBC, heads));
}

at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& kept,
                              const Setting& heads) {
  return backward(grad_TBD, qkv_TBC, kept, heads, method_of(qkv_TBC, heads));
}

at::Tensor cached(const at::Tensor& qkv_TBC, const at::Tensor& keys, const at::Tensor& values,
                            std::int64_t past, const Setting& heads) {
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

}  // namespace trireme::attention
