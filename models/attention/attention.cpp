#include "models/attention/attention.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/attention/device_cached.hpp"
#include "models/attention/heads.hpp"
#include "models/attention/host.hpp"

namespace trireme::attention {
namespace {

/// Writes the gradient of repeat_heads to `out` (B, kv_heads, T, size).
void sum_heads(const at::Tensor& grad, const Setting& setting, const at::Tensor& out) {
  const std::int64_t group = setting.regular_group();
  if (group == 1) {
    out.copy_(grad);
  } else if (group == 0) {
    out.copy_(at::zeros(out.sizes(), grad.options()).index_add_(1, setting.kv_index, grad));
  } else {
    out.copy_(grad.unflatten(1, {setting.kv_heads, group}).sum(2));
  }
}

QueryKeyValue split(const at::Tensor& qkv_TBC, const Setting& setting) {
  const std::int64_t q = setting.query_width();
  const std::int64_t kv = setting.kv_width();
  return {by_head(qkv_TBC.narrow(2, 0, q), setting.query_heads, setting.head_size),
          by_head(qkv_TBC.narrow(2, q, kv), setting.kv_heads, setting.head_size),
          by_head(qkv_TBC.narrow(2, q + kv, kv), setting.kv_heads, setting.head_size)};
}

/// Whether the method takes key and value heads as they are, each for a group of query heads.
bool keeps_groups(Method method, const Setting& setting) {
  return method == Method::kFlash && setting.regular_group() > 0;
}

/// What the method computes with.
QueryKeyValue operands(const at::Tensor& qkv_TBC, const Setting& setting, Method method) {
  QueryKeyValue x = split(qkv_TBC, setting);
  if (keeps_groups(method, setting)) return x;
  x.k = repeat_heads(x.k, setting);
  x.v = repeat_heads(x.v, setting);
  return x;
}

Method method_for(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT) {
  return method_for(qkv_TBC.is_cuda(), qkv_TBC.scalar_type(), setting, starts_BT.defined());
}

}  // namespace

Forward forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT, Method method) {
  if (method == Method::kHost) return host_forward(qkv_TBC, setting, starts_BT);
  Forward result;
  result.output_TBD = by_position(run(method, operands(qkv_TBC, setting, method), setting, starts_BT, result.saved));
  return result;
}

at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                    const Setting& setting, const at::Tensor& starts_BT, Method method) {
  if (method == Method::kHost) return host_backward(grad_TBD, qkv_TBC, forward, setting, starts_BT);
  const QueryKeyValue x = operands(qkv_TBC, setting, method);
  const auto per_head = [&](const at::Tensor& y) { return by_head(y, setting.query_heads, setting.head_size); };
  const QueryKeyValue d =
      run_backward(method, per_head(grad_TBD), x, per_head(forward.output_TBD), forward.saved, setting);
  at::Tensor grad_TBC = at::empty(qkv_TBC.sizes(), qkv_TBC.options());
  QueryKeyValue into = split(grad_TBC, setting);
  into.q.copy_(d.q);
  if (keeps_groups(method, setting)) {
    into.k.copy_(d.k);
    into.v.copy_(d.v);
  } else {
    sum_heads(d.k, setting, into.k);
    sum_heads(d.v, setting, into.v);
  }
  return grad_TBC;
}

Forward forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT) {
  return forward(qkv_TBC, setting, starts_BT, method_for(qkv_TBC, setting, starts_BT));
}

at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                    const Setting& setting, const at::Tensor& starts_BT) {
  return backward(grad_TBD, qkv_TBC, forward, setting, starts_BT, method_for(qkv_TBC, setting, starts_BT));
}

at::Tensor cached(const at::Tensor& qkv_NC, const std::vector<CachedSequence>& sequences, const Setting& setting) {
  std::int64_t rows = 0;
  for (const CachedSequence& sequence : sequences) {
    if (sequence.count < 1 || sequence.first != rows || sequence.keys.size(0) < sequence.count) {
      throw base::Error("the cache does not hold the new keys");
    }
    rows += sequence.count;
  }
  if (rows != qkv_NC.size(0)) throw base::Error("rows of no sequence");
  return qkv_NC.is_cuda() ? device_cached(qkv_NC, sequences, setting) : host_cached(qkv_NC, sequences, setting);
}

std::string description(const Setting& setting, at::Device device, at::ScalarType type) {
  const Method method = method_for(device.is_cuda(), type, setting, false);
  if (method != Method::kHost) return words(method);
  return base::str(words(method), " (", kernels::cpu::isa_table().name, ")");
}

std::string description(const spec::ModelPlan& plan, at::Device device, at::ScalarType type) {
  std::vector<std::pair<std::string, int>> layers_of;
  for (const spec::LayerSpec& layer : plan.layers) {
    const std::string one = description(rank_setting(layer.attention, 0, 1, at::kCPU), device, type);
    const auto known = std::ranges::find(layers_of, one, &std::pair<std::string, int>::first);
    if (known == layers_of.end()) {
      layers_of.emplace_back(one, 1);
    } else {
      ++known->second;
    }
  }
  if (layers_of.size() == 1) return layers_of.front().first;
  std::vector<std::string> words;
  for (const auto& [one, layers] : layers_of) {
    words.push_back(base::str(one, " (", layers, layers == 1 ? " layer)" : " layers)"));
  }
  return base::join(words);
}

}  // namespace trireme::attention
