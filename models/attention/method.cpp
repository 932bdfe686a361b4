#include "models/attention/method.hpp"

#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>

#include <limits>

namespace trireme::attention {
namespace {

at::Tensor probabilities(const QueryKeyValue& x, double scale) {
  const std::int64_t length = x.q.size(2);
  const at::Tensor future = at::ones({length, length}, x.q.options().dtype(at::kBool)).triu_(1);
  at::Tensor scores = at::matmul(x.q, x.k.transpose(2, 3)).mul_(scale);
  scores.masked_fill_(future, -std::numeric_limits<double>::infinity());
  return at::_softmax(scores, 3, false);
}

QueryKeyValue plain_backward(const at::Tensor& grad, const QueryKeyValue& x, const at::Tensor& p, double scale) {
  const at::Tensor dp = at::matmul(grad, x.v.transpose(2, 3));
  const at::Tensor ds = at::_softmax_backward_data(dp, p, 3, p.scalar_type()).mul_(scale);
  return {at::matmul(ds, x.k), at::matmul(ds.transpose(2, 3), x.q), at::matmul(p.transpose(2, 3), grad)};
}

}  // namespace

/// A GPU's fused kernels need rows of whole 16 bytes, and none exist in fp64.
Method method_for(bool cuda, at::ScalarType type, std::int64_t head_size) {
  if (!cuda) return Method::kHost;
  const bool aligned = head_size * static_cast<std::int64_t>(c10::elementSize(type)) % 16 == 0;
  if (!aligned || type == at::kDouble) return Method::kPlain;
  return type == at::kBFloat16 && head_size <= 256 ? Method::kFlash : Method::kEfficient;
}

at::Tensor run(Method method, const QueryKeyValue& x, double scale, std::vector<at::Tensor>& saved) {
  switch (method) {
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

QueryKeyValue run_backward(Method method, const at::Tensor& grad, const QueryKeyValue& x,
                                     const at::Tensor& output, const std::vector<at::Tensor>& saved, double scale) {
  QueryKeyValue d;
  at::Tensor unused;
  switch (method) {
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

}  // namespace trireme::attention
