#include "models/transformer/attention.hpp"

#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

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
void sum_heads(const at::Tensor& grad, const HeadLayout& heads, at::Tensor out) {
  const std::int64_t group = heads.regular_group();
  if (group == 1) {
    out.copy_(grad);
  } else if (group == 0) {
    out.copy_(at::zeros(out.sizes(), grad.options()).index_add_(1, heads.kv_index, grad));
  } else {
    out.copy_(grad.unflatten(1, {heads.kv_heads, group}).sum(2));
  }
}

struct QueryKeyValue {
  at::Tensor q;
  at::Tensor k;
  at::Tensor v;
};

QueryKeyValue split(const at::Tensor& qkv_TBC, const HeadLayout& heads) {
  const std::int64_t q = heads.query_width();
  const std::int64_t kv = heads.kv_width();
  return {by_head(qkv_TBC.narrow(2, 0, q), heads.query_heads, heads.head_size),
          by_head(qkv_TBC.narrow(2, q, kv), heads.kv_heads, heads.head_size),
          by_head(qkv_TBC.narrow(2, q + kv, kv), heads.kv_heads, heads.head_size)};
}

enum class Method { kHost, kFlash, kEfficient, kPlain };

/// A GPU's fused kernels need rows of whole 16 bytes, and none exist in fp64.
Method method_for(const at::Tensor& x) {
  if (!x.is_cuda()) return Method::kHost;
  const bool aligned = x.size(3) * static_cast<std::int64_t>(x.element_size()) % 16 == 0;
  if (!aligned || x.scalar_type() == at::kDouble) return Method::kPlain;
  return x.scalar_type() == at::kBFloat16 && x.size(3) <= 256 ? Method::kFlash : Method::kEfficient;
}

at::Tensor probabilities(const QueryKeyValue& x, double scale) {
  const std::int64_t length = x.q.size(2);
  const at::Tensor future = at::ones({length, length}, x.q.options().dtype(at::kBool)).triu_(1);
  at::Tensor scores = at::matmul(x.q, x.k.transpose(2, 3)).mul_(scale);
  scores.masked_fill_(future, -std::numeric_limits<double>::infinity());
  return at::_softmax(scores, 3, false);
}

double scale_of(const HeadLayout& heads) { return 1.0 / std::sqrt(static_cast<double>(heads.head_size)); }

/// Returns the output (B, heads, T, size); `saved` gets what backward needs.
at::Tensor run(const QueryKeyValue& x, double scale, std::vector<at::Tensor>& saved) {
  switch (method_for(x.q)) {
    case Method::kHost: {
      auto [output, logsumexp] =
          at::_scaled_dot_product_flash_attention_for_cpu(x.q, x.k, x.v, 0.0, true, std::nullopt, scale);
      saved = {logsumexp};
      return output;
    }
    case Method::kFlash: {
      auto result = at::_scaled_dot_product_flash_attention(x.q, x.k, x.v, 0.0, true, false, scale);
      saved = {std::get<1>(result), std::get<6>(result), std::get<7>(result)};
      return std::get<0>(result);
    }
    case Method::kEfficient: {
      auto [output, logsumexp, seed, offset] =
          at::_scaled_dot_product_efficient_attention(x.q, x.k, x.v, std::nullopt, true, 0.0, true, scale);
      saved = {logsumexp, seed, offset};
      return output;
    }
    default: {
      const at::Tensor p = probabilities(x, scale);
      saved = {p};
      return at::matmul(p, x.v);
    }
  }
}

QueryKeyValue plain_backward(const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& p, double scale) {
  const at::Tensor dp = at::matmul(grad, x.v.transpose(2, 3));
  const at::Tensor ds = at::_softmax_backward_data(dp, p, 3, p.scalar_type()).mul_(scale);
  return {at::matmul(ds, x.k), at::matmul(ds.transpose(2, 3), x.q), at::matmul(p.transpose(2, 3), grad)};
}

QueryKeyValue run_backward(const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& output,
                           const std::vector<at::Tensor>& saved, double scale) {
  QueryKeyValue d;
  at::Tensor unused;
  switch (method_for(x.q)) {
    case Method::kHost:
      std::tie(d.q, d.k, d.v) = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          grad, x.q, x.k, x.v, output, saved.at(0), 0.0, true, std::nullopt, scale);
      break;
    case Method::kFlash:
      std::tie(d.q, d.k, d.v) = at::_scaled_dot_product_flash_attention_backward(
          grad, x.q, x.k, x.v, output, saved.at(0), {}, {}, x.q.size(2), x.k.size(2), 0.0, true, saved.at(1),
          saved.at(2), scale);
      break;
    case Method::kEfficient:
      std::tie(d.q, d.k, d.v, unused) = at::_scaled_dot_product_efficient_attention_backward(
          grad, x.q, x.k, x.v, {}, output, saved.at(0), saved.at(1), saved.at(2), 0.0, {true, true, true, false}, true,
          scale);
      break;
    default: d = plain_backward(grad, x, saved.at(0), scale);
  }
  return d;
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

AttentionForward attention(const at::Tensor& qkv_TBC, const HeadLayout& heads) {
  QueryKeyValue x = split(qkv_TBC, heads);
  x.k = repeat_heads(x.k, heads);
  x.v = repeat_heads(x.v, heads);
  AttentionForward result;
  const at::Tensor output = run(x, scale_of(heads), result.saved);
  result.output_TBD = output.permute({2, 0, 1, 3}).flatten(2, 3).contiguous();
  return result;
}

at::Tensor attention_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const AttentionForward& forward,
                              const HeadLayout& heads) {
  QueryKeyValue x = split(qkv_TBC, heads);
  x.k = repeat_heads(x.k, heads);
  x.v = repeat_heads(x.v, heads);
  const auto per_head = [&](const at::Tensor& y) { return by_head(y, heads.query_heads, heads.head_size); };
  const QueryKeyValue d =
      run_backward(per_head(grad_TBD), x, per_head(forward.output_TBD), forward.saved, scale_of(heads));
  at::Tensor grad_TBC = at::empty(qkv_TBC.sizes(), qkv_TBC.options());
  QueryKeyValue into = split(grad_TBC, heads);
  into.q.copy_(d.q);
  sum_heads(d.k, heads, into.k);
  sum_heads(d.v, heads, into.v);
  return grad_TBC;
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
