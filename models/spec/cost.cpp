#include "models/spec/cost.hpp"

#include <algorithm>

#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {
namespace {

/// Positions that a token is counted against. Under a causal mask with window w the last T - w tokens see w, and the
/// first w see w / 2 on average: w - w² / 2T. Without a window w = T, and that is T / 2.
double tokens_seen(const AttentionSpec& attention, std::int64_t sequence, AttentionCount count) {
  const auto length = static_cast<double>(sequence);
  if (attention.mask == Mask::kFull) return length;
  const double window = attention.window == 0 ? length : static_cast<double>(std::min(attention.window, sequence));
  return count == AttentionCount::kFull ? window : window * (1 - window / (2 * length));
}

}  // namespace

std::int64_t parameter_count(const ModelPlan& plan) {
  std::int64_t count = 0;
  for (const LogicalTensor& tensor : logical_tensors(plan)) count += topology::elements_of(tensor.shape);
  return count;
}

std::int64_t state_bytes(const ModelPlan& plan, const std::function<UpdateState(const LogicalTensor&)>& kept,
                         bool fp64) {
  std::int64_t numbers = 0;
  for (const LogicalTensor& tensor : logical_tensors(plan)) {
    const UpdateState beside = kept(tensor);
    numbers +=
        topology::elements_of(tensor.shape) * (1 + (is_layer_matrix(tensor) ? beside.layer_matrices : beside.others));
  }
  return numbers * (fp64 ? 8 : 4);
}

double layer_flops(const ModelPlan& plan, std::int64_t layer, AttentionCount count) {
  const LayerSpec& spec = plan.layers[static_cast<std::size_t>(layer)];
  const auto hidden = static_cast<double>(plan.hidden);
  const auto query_width = static_cast<double>(spec.attention.query_width());
  const auto key_width = static_cast<double>(spec.attention.kv_width());
  const double feed_forward_matrices = spec.feed_forward.gated ? 3 : 2;
  const double weights = 2 * hidden * query_width + 2 * hidden * key_width +
                         feed_forward_matrices * hidden * static_cast<double>(spec.feed_forward.width);
  return 2 * weights + 4 * tokens_seen(spec.attention, plan.sequence, count) * query_width;
}

double head_flops(const ModelPlan& plan) {
  if (!plan.head.present) return 0;
  const auto hidden = static_cast<double>(plan.hidden);
  return 2 * hidden * static_cast<double>(plan.vocab) + (plan.head.transform ? 2 * hidden * hidden : 0);
}

double train_flops(const ModelPlan& plan, AttentionCount count) {
  double layers = 0;
  for (std::int64_t layer = 0; layer < plan.layer_count(); ++layer) layers += layer_flops(plan, layer, count);
  return 3 * (layers + head_flops(plan));
}

}  // namespace trireme::spec
