#include "models/attention/method.hpp"

#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>

#include "base/error.hpp"
#include "models/attention/plain.hpp"

namespace trireme::attention {
namespace {

/// The operation below _scaled_dot_product_flash_attention, which alone knows windows, takes (B, T, heads, size).
at::Tensor by_position(const at::Tensor& x) { return x.transpose(1, 2); }

at::Tensor windowed_flash(const QueryKeyValue& x, const Setting& setting, std::vector<at::Tensor>& saved) {
  auto result =
      at::_flash_attention_forward(by_position(x.q), by_position(x.k), by_position(x.v), std::nullopt, std::nullopt,
                                   x.q.size(2), x.k.size(2), 0.0, true, false, setting.scale, setting.window - 1, 0);
  saved = {std::get<1>(result), std::get<2>(result), std::get<3>(result)};
  return by_position(std::get<0>(result));
}

QueryKeyValue windowed_flash_backward(const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& output,
                                      const std::vector<at::Tensor>& saved, const Setting& setting) {
  const auto [q, k, v] = at::_flash_attention_backward(
      by_position(grad), by_position(x.q), by_position(x.k), by_position(x.v), by_position(output), saved.at(0), {}, {},
      x.q.size(2), x.k.size(2), 0.0, true, saved.at(1), saved.at(2), setting.scale, setting.window - 1, 0);
  return {by_position(q), by_position(k), by_position(v)};
}

at::Tensor flash(const QueryKeyValue& x, const Setting& setting, std::vector<at::Tensor>& saved) {
  if (setting.window > 0) return windowed_flash(x, setting, saved);
  auto result = at::_scaled_dot_product_flash_attention(x.q, x.k, x.v, 0.0, setting.causal(), false, setting.scale);
  saved = {std::get<1>(result), std::get<6>(result), std::get<7>(result)};
  return std::get<0>(result);
}

QueryKeyValue flash_backward(const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& output,
                             const std::vector<at::Tensor>& saved, const Setting& setting) {
  if (setting.window > 0) return windowed_flash_backward(grad, x, output, saved, setting);
  QueryKeyValue d;
  std::tie(d.q, d.k, d.v) = at::_scaled_dot_product_flash_attention_backward(
      grad, x.q, x.k, x.v, output, saved.at(0), {}, {}, x.q.size(2), x.k.size(2), 0.0, setting.causal(), saved.at(1),
      saved.at(2), setting.scale);
  return d;
}

[[noreturn]] void refuse() { throw base::Error("the CPU's attention kernels do not take single operands"); }

}  // namespace

/// A GPU's fused kernels need rows of whole 16 bytes, and none exist in fp64.
Method method_for(bool cuda, at::ScalarType type, const Setting& setting, bool documents) {
  if (!cuda) return Method::kHost;
  const bool aligned = setting.head_size * static_cast<std::int64_t>(c10::elementSize(type)) % 16 == 0;
  if (!aligned || type == at::kDouble || setting.soft_cap > 0 || documents) return Method::kPlain;
  if (type == at::kBFloat16 && setting.head_size <= 256) return Method::kFlash;
  return setting.window > 0 ? Method::kPlain : Method::kEfficient;
}

std::string words(Method method) {
  switch (method) {
    case Method::kHost: return "blockwise attention on the CPU";
    case Method::kFlash: return "flash attention";
    case Method::kEfficient: return "memory-efficient attention";
    default: return "attention by plain products, which holds all scores";
  }
}

at::Tensor run(Method method, const QueryKeyValue& x, const Setting& setting, const at::Tensor& starts_BT,
               std::vector<at::Tensor>& saved) {
  if (starts_BT.defined() && method != Method::kPlain) throw base::Error("fused attention knows no documents");
  switch (method) {
    case Method::kHost: refuse();
    case Method::kFlash: return flash(x, setting, saved);
    case Method::kEfficient: {
      auto [output, logsumexp, seed, offset] = at::_scaled_dot_product_efficient_attention(
          x.q, x.k, x.v, std::nullopt, true, 0.0, setting.causal(), setting.scale);
      saved = {logsumexp, seed, offset};
      return output;
    }
    default: return plain(x, setting, hidden_keys(x.q.size(2), x.k.size(2), setting, starts_BT, x.q), saved);
  }
}

QueryKeyValue run_backward(Method method, const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& output,
                           const std::vector<at::Tensor>& saved, const Setting& setting) {
  switch (method) {
    case Method::kHost: refuse();
    case Method::kFlash: return flash_backward(grad, x, output, saved, setting);
    case Method::kEfficient: {
      QueryKeyValue d;
      at::Tensor unused;
      std::tie(d.q, d.k, d.v, unused) = at::_scaled_dot_product_efficient_attention_backward(
          grad, x.q, x.k, x.v, {}, output, saved.at(0), saved.at(1), saved.at(2), 0.0, {true, true, true, false},
          setting.causal(), setting.scale);
      return d;
    }
    default: return plain_backward(grad, x, saved, setting);
  }
}

}  // namespace trireme::attention
