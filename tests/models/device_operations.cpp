#include "tests/models/device_operations.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace trireme::test {
namespace {

using at::Tensor;

/// What a query sees: all keys, or those up to its own position, or the last `window` of these.
struct Sight {
  bool causal = true;
  std::int64_t window = std::numeric_limits<std::int64_t>::max();
};

/// The scores of every query and key, (B, heads, T, T) fp64, with minus infinity where a key is not seen.
Tensor masked_scores(const Tensor& q, const Tensor& k, Sight sight, double scale) {
  Tensor hidden = at::zeros({q.size(2), k.size(2)}, at::kBool);
  if (sight.causal) hidden = at::ones_like(hidden).triu_(1);
  if (sight.window < k.size(2)) hidden.logical_or_(at::ones_like(hidden).tril_(-sight.window));
  return at::matmul(q, k.transpose(2, 3)).mul_(scale).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

Tensor for_each_query_head(const Tensor& kv, const Tensor& q) {
  return kv.to(at::kDouble).repeat_interleave(q.size(1) / kv.size(1), 1);
}

/// Lays the output out like the GPU's kernels: (B, T, heads, size) in memory.
Tensor rows_of_positions(const Tensor& x, at::ScalarType type) {
  return x.to(type).transpose(1, 2).contiguous().transpose(1, 2);
}

struct Attended {
  Tensor output;
  Tensor logsumexp;  ///< (B, heads, T) fp32
};

Attended attend(const Tensor& query, const Tensor& key, const Tensor& value, Sight sight, double scale) {
  const Tensor scores = masked_scores(query.to(at::kDouble), for_each_query_head(key, query), sight, scale);
  const Tensor output = at::matmul(at::softmax(scores, 3), for_each_query_head(value, query));
  return {rows_of_positions(output, query.scalar_type()), at::logsumexp(scores, {3}).to(at::kFloat)};
}

std::tuple<Tensor, Tensor, Tensor> attend_backward(const Tensor& grad_out, const Tensor& query, const Tensor& key,
                                                   const Tensor& value, const Tensor& out, const Tensor& logsumexp,
                                                   Sight sight, double scale) {
  const Tensor q = query.to(at::kDouble), grad = grad_out.to(at::kDouble);
  const Tensor k = for_each_query_head(key, query), v = for_each_query_head(value, query);
  const Tensor p = masked_scores(q, k, sight, scale).sub_(logsumexp.to(at::kDouble).unsqueeze(3)).exp_();
  const Tensor along = grad.mul(out.to(at::kDouble)).sum(3, true);
  const Tensor ds = at::matmul(grad, v.transpose(2, 3)).sub_(along).mul_(p).mul_(scale);
  const auto of_groups = [&](const Tensor& d) {
    return rows_of_positions(d.unflatten(1, {key.size(1), query.size(1) / key.size(1)}).sum(2), key.scalar_type());
  };
  return {rows_of_positions(at::matmul(ds, k), query.scalar_type()), of_groups(at::matmul(ds.transpose(2, 3), q)),
          of_groups(at::matmul(p.transpose(2, 3), grad))};
}

/// What both fused kernels demand.
void check_operands(const Tensor& query, const Tensor& key, const Tensor& value) {
  for (const Tensor* x : {&query, &key, &value}) {
    TORCH_CHECK(x->dim() == 4, "attention takes (B, heads, T, size)");
    TORCH_CHECK(x->stride(3) == 1, "a head's elements must be consecutive");
    TORCH_CHECK(x->scalar_type() == query.scalar_type(), "query, key and value have different types");
    TORCH_CHECK(x->size(3) * x->element_size() % 16 == 0, "rows are not whole 16 bytes");
    TORCH_CHECK(x->storage_offset() * x->element_size() % 16 == 0, "the first row is not aligned");
    for (int d = 0; d < 3; ++d) {
      TORCH_CHECK(x->stride(d) * x->element_size() % 16 == 0, "rows are not aligned");
    }
  }
  TORCH_CHECK(key.sizes() == value.sizes() && key.size(0) == query.size(0), "key and value do not fit the query");
}

void check_flash(const Tensor& query, const Tensor& key, const Tensor& value) {
  check_operands(query, key, value);
  TORCH_CHECK(query.scalar_type() == at::kBFloat16 || query.scalar_type() == at::kHalf, "flash takes 16-bit types");
  TORCH_CHECK(query.size(3) <= 256, "flash takes heads of up to 256");
  TORCH_CHECK(query.size(1) % key.size(1) == 0, "key heads do not divide query heads");
}

void check_efficient(const Tensor& query, const Tensor& key, const Tensor& value) {
  check_operands(query, key, value);
  TORCH_CHECK(query.scalar_type() != at::kDouble, "efficient attention has no fp64");
  TORCH_CHECK(query.size(1) == key.size(1), "efficient attention takes as many key heads as query heads");
}

std::tuple<Tensor, Tensor, Tensor, Tensor, c10::SymInt, c10::SymInt, Tensor, Tensor, Tensor> flash(
    const Tensor& query, const Tensor& key, const Tensor& value, double dropout, bool causal, bool debug_mask,
    std::optional<double> scale) {
  check_flash(query, key, value);
  TORCH_CHECK(dropout == 0.0 && !debug_mask, "no dropout is implemented here");
  const Attended result = attend(query, key, value, {causal}, scale.value());
  return {result.output,
          result.logsumexp,
          {},
          {},
          query.size(2),
          key.size(2),
          at::zeros({2}, at::kUInt64),
          at::zeros({}, at::kUInt64),
          at::empty({0}, query.options())};
}

void check_state(const Tensor& seed, const Tensor& offset, at::ScalarType type) {
  TORCH_CHECK(seed.scalar_type() == type && offset.scalar_type() == type, "the random state is another tensor");
}

std::tuple<Tensor, Tensor, Tensor> flash_backward(const Tensor& grad_out, const Tensor& query, const Tensor& key,
                                                  const Tensor& value, const Tensor& out, const Tensor& logsumexp,
                                                  const Tensor& cumulative_q, const Tensor& cumulative_k,
                                                  std::int64_t max_q, std::int64_t max_k, double dropout, bool causal,
                                                  const Tensor& seed, const Tensor& offset,
                                                  std::optional<double> scale) {
  check_flash(query, key, value);
  TORCH_CHECK(dropout == 0.0, "no dropout is implemented here");
  TORCH_CHECK(!cumulative_q.defined() && !cumulative_k.defined(), "sequences have one length");
  TORCH_CHECK(max_q == query.size(2) && max_k == key.size(2), "max_q and max_k are the lengths");
  TORCH_CHECK(grad_out.stride(3) == 1 && out.stride(3) == 1, "a head's elements must be consecutive");
  TORCH_CHECK(seed.numel() == 2 && offset.numel() == 1, "the random state is another tensor");
  check_state(seed, offset, at::kUInt64);
  return attend_backward(grad_out, query, key, value, out, logsumexp, {causal}, scale.value());
}

/// The operations below these take (B, T, heads, size), and a window: `left` positions before a query are seen.
Tensor swapped(const Tensor& x) { return x.transpose(1, 2); }

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> windowed_flash(
    const Tensor& query, const Tensor& key, const Tensor& value, const std::optional<Tensor>& cumulative_q,
    const std::optional<Tensor>& cumulative_k, std::int64_t max_q, std::int64_t max_k, double dropout, bool causal,
    bool debug_mask, std::optional<double> scale, std::optional<std::int64_t> left, std::optional<std::int64_t> right,
    const std::optional<Tensor>& used_k, const std::optional<Tensor>& slopes) {
  const Tensor q = swapped(query), k = swapped(key), v = swapped(value);
  check_flash(q, k, v);
  TORCH_CHECK(dropout == 0.0 && !debug_mask && !used_k && !slopes, "only windows are implemented here");
  TORCH_CHECK(!cumulative_q && !cumulative_k, "sequences have one length");
  TORCH_CHECK(max_q == q.size(2) && max_k == k.size(2), "max_q and max_k are the lengths");
  TORCH_CHECK(causal && left.value() >= 0 && right.value() == 0, "a window ends at its query");
  const Attended result = attend(q, k, v, {true, *left + 1}, scale.value());
  return {swapped(result.output), result.logsumexp, at::zeros({2}, at::kUInt64), at::zeros({}, at::kUInt64),
          at::empty({0}, query.options())};
}

std::tuple<Tensor, Tensor, Tensor> windowed_flash_backward(
    const Tensor& grad_out, const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& out,
    const Tensor& logsumexp, const Tensor& cumulative_q, const Tensor& cumulative_k, std::int64_t max_q,
    std::int64_t max_k, double dropout, bool causal, const Tensor& seed, const Tensor& offset,
    std::optional<double> scale, std::optional<std::int64_t> left, std::optional<std::int64_t> right) {
  const Tensor q = swapped(query), k = swapped(key), v = swapped(value);
  check_flash(q, k, v);
  TORCH_CHECK(dropout == 0.0 && causal && left.value() >= 0 && right.value() == 0, "a window ends at its query");
  TORCH_CHECK(!cumulative_q.defined() && !cumulative_k.defined(), "sequences have one length");
  TORCH_CHECK(max_q == q.size(2) && max_k == k.size(2), "max_q and max_k are the lengths");
  TORCH_CHECK(grad_out.stride(3) == 1 && out.stride(3) == 1, "a head's elements must be consecutive");
  check_state(seed, offset, at::kUInt64);
  const auto [dq, dk, dv] =
      attend_backward(swapped(grad_out), q, k, v, swapped(out), logsumexp, {true, *left + 1}, scale.value());
  return {swapped(dq), swapped(dk), swapped(dv)};
}

constexpr std::int64_t kLogsumexpMultiple = 32;

std::tuple<Tensor, Tensor, Tensor, Tensor> efficient(const Tensor& query, const Tensor& key, const Tensor& value,
                                                     const std::optional<Tensor>& bias, bool logsumexp, double dropout,
                                                     bool causal, std::optional<double> scale) {
  check_efficient(query, key, value);
  TORCH_CHECK(!bias && logsumexp && dropout == 0.0, "no bias and no dropout is implemented here");
  const Attended result = attend(query, key, value, {causal}, scale.value());
  const std::int64_t length = query.size(2);
  const std::int64_t padded = (length + kLogsumexpMultiple - 1) / kLogsumexpMultiple * kLogsumexpMultiple;
  Tensor sums = at::full({query.size(0), query.size(1), padded}, std::numeric_limits<float>::infinity(), at::kFloat);
  sums.narrow(2, 0, length).copy_(result.logsumexp);
  return {result.output, sums, at::zeros({}, at::kLong), at::zeros({}, at::kLong)};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> efficient_backward(
    const Tensor& grad_out, const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& bias,
    const Tensor& out, const Tensor& logsumexp, const Tensor& seed, const Tensor& offset, double dropout,
    std::array<bool, 4> mask, bool causal, std::optional<double> scale) {
  check_efficient(query, key, value);
  TORCH_CHECK(dropout == 0.0 && !bias.defined(), "no bias and no dropout is implemented here");
  TORCH_CHECK((mask == std::array<bool, 4>{true, true, true, false}), "all gradients but the bias's are wanted");
  check_state(seed, offset, at::kLong);
  const auto [dq, dk, dv] =
      attend_backward(grad_out, query, key, value, out, logsumexp.narrow(2, 0, query.size(2)), {causal}, scale.value());
  return {dq, dk, dv, {}};
}

Tensor& addmm_into(const Tensor& self, const Tensor& mat1, const Tensor& mat2, at::ScalarType type,
                   const at::Scalar& beta, const at::Scalar& alpha, Tensor& out) {
  TORCH_CHECK(mat1.dim() == 2 && mat2.dim() == 2 && mat1.size(1) == mat2.size(0), "the matrices do not fit");
  TORCH_CHECK(mat1.scalar_type() == at::kBFloat16 && mat2.scalar_type() == at::kBFloat16, "the operands are not bf16");
  TORCH_CHECK(type == at::kFloat && out.scalar_type() == type && self.scalar_type() == type, "the sums are not fp32");
  TORCH_CHECK(out.size(0) == mat1.size(0) && out.size(1) == mat2.size(1), "the sums do not fit");
  const Tensor product = at::matmul(mat1.to(at::kDouble), mat2.to(at::kDouble)).mul_(alpha);
  const bool ignored = beta.toDouble() == 0.0;  // whatever lies there, a NaN too
  return out.copy_(ignored ? product : product.add_(self.to(at::kDouble), beta));
}

std::tuple<Tensor, Tensor> rms_norm_backward(const Tensor& dy, const Tensor& x, c10::IntArrayRef shape,
                                             const Tensor& rstd, const std::optional<Tensor>& weight,
                                             std::array<bool, 2> mask) {
  TORCH_CHECK(shape.size() == 1 && shape[0] == x.size(-1) && mask[0] && mask[1], "all of both gradients are wanted");
  TORCH_CHECK(dy.is_contiguous() && x.is_contiguous(), "tensors are not contiguous");
  const Tensor r = rstd.to(at::kDouble), normal = x.to(at::kDouble).mul(r), d = dy.to(at::kDouble);
  const Tensor scaled = d.mul(weight.value().to(at::kDouble));
  const Tensor dx = scaled.sub(normal.mul(scaled.mul(normal).mean(-1, true))).mul_(r);
  const Tensor dw = d.mul(normal).reshape({-1, x.size(-1)}).sum(0);
  return {dx.to(x.scalar_type()), dw.to(weight->scalar_type())};
}

nlohmann::json description(const c10::IValue& value) {
  using nlohmann::json;
  if (value.isTensor()) {
    const Tensor& x = value.toTensor();
    if (!x.defined()) return nullptr;
    return {{"shape", x.sizes().vec()}, {"strides", x.strides().vec()}, {"dtype", c10::toString(x.scalar_type())}};
  }
  if (value.isList()) {
    json list = json::array();
    for (const c10::IValue& element : value.toListRef()) list.push_back(description(element));
    return list;
  }
  if (value.isInt()) return value.toInt();
  if (value.isDouble()) return value.toDouble();
  if (value.isBool()) return value.toBool();
  if (value.isString()) return value.toStringRef();
  TORCH_CHECK(value.isNone(), "no description of ", value.tagKind());
  return nullptr;
}

nlohmann::json description(const std::vector<c10::IValue>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const c10::IValue& value : values) list.push_back(description(value));
  return list;
}

bool is_recorded(const std::string& name) {
  static const std::set<std::string> names{"aten::_flash_attention_forward",
                                           "aten::_flash_attention_backward",
                                           "aten::_scaled_dot_product_flash_attention",
                                           "aten::_scaled_dot_product_flash_attention_backward",
                                           "aten::_scaled_dot_product_efficient_attention",
                                           "aten::_scaled_dot_product_efficient_attention_backward",
                                           "aten::addmm.dtype_out",
                                           "aten::_fused_rms_norm",
                                           "aten::_fused_rms_norm_backward",
                                           "aten::native_layer_norm",
                                           "aten::native_layer_norm_backward",
                                           "aten::gelu",
                                           "aten::gelu_backward.grad_input",
                                           "aten::index_put_"};
  return names.contains(name);
}

std::string full_name(const at::RecordFunction& call) {
  const auto name = call.operator_name();
  return name ? c10::toString(*name) : call.name();
}

}  // namespace

OperationCalls* OperationCalls::current_ = nullptr;

OperationCalls::OperationCalls()
    : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(begin, end).needsInputs(true).needsOutputs(true))) {
  current_ = this;
}

OperationCalls::~OperationCalls() {
  at::removeCallback(handle_);
  current_ = nullptr;
  const char* path = std::getenv("TRIREME_CALLS");
  if (path == nullptr) return;
  std::ofstream file(path, std::ios::app);
  for (const OperationCall& call : calls_) {
    const nlohmann::json line{
        {"name", call.name}, {"inputs", description(call.inputs)}, {"outputs", description(call.outputs)}};
    file << line.dump() << "\n";
  }
}

std::vector<std::string> OperationCalls::names() const {
  std::vector<std::string> names;
  for (const OperationCall& call : calls_) names.push_back(call.name);
  return names;
}

std::unique_ptr<at::ObserverContext> OperationCalls::begin(const at::RecordFunction& call) {
  const std::string name = full_name(call);
  if (!is_recorded(name)) return nullptr;
  const auto inputs = call.inputs();
  current_->calls_.push_back({name, std::vector<c10::IValue>(inputs.begin(), inputs.end()), {}});
  return nullptr;
}

void OperationCalls::end(const at::RecordFunction& call, at::ObserverContext*) {
  if (is_recorded(full_name(call))) current_->calls_.back().outputs = call.outputs();
}

}  // namespace trireme::test

TORCH_LIBRARY_IMPL(aten, CPU, library) {
  using namespace trireme::test;
  library.impl("_scaled_dot_product_flash_attention", flash);
  library.impl("_scaled_dot_product_flash_attention_backward", flash_backward);
  library.impl("_flash_attention_forward", windowed_flash);
  library.impl("_flash_attention_backward", windowed_flash_backward);
  library.impl("_scaled_dot_product_efficient_attention", efficient);
  library.impl("_scaled_dot_product_efficient_attention_backward", efficient_backward);
  library.impl("addmm.dtype_out", addmm_into);
  library.impl("_fused_rms_norm_backward", rms_norm_backward);
}
