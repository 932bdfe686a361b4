#include "tests/models/pipeline/bf16_bound.hpp"

#include <cmath>

namespace trireme::tests {
namespace {

/// Unit roundoff of bf16, which has 8 significant bits.
constexpr double kUnit = 1.0 / 256;
/// Root mean square of a rounding's relative error over u, for significands distributed as 1 / x.
constexpr double kDeviation = 0.425;
/// Standard deviations that are allowed.
constexpr double kTail = 4.0;
/// Share of the values whose rounding flips when only the order of an fp32 sum changes: some 2^-20 of the value beside
/// roundings that are 2^-8 of it apart.
constexpr double kFlips = 1.0 / 4096;

/// Returns what a sum over tp in bf16 adds to the one rounding of a whole product. Each of tp partial results is
/// rounded, which together weighs as one rounding, and the sum of the first j of them, which has j / tp of the
/// variance.
double of_sum(int tp) {
  double extra = 0.0;
  for (int added = 2; added <= tp; ++added) extra += static_cast<double>(added) / tp;
  return extra;
}

bool norm_ends_branch(const spec::LayerSpec& layer) {
  return layer.norm_place == spec::NormPlace::kAfterBranch || layer.norm_place == spec::NormPlace::kAround;
}

/// What attention and sums that cancel may amplify an error by. A norm at the end of a branch makes the branch as large
/// as the stream, so that each half hands its input's error on once more.
double amplified(const spec::ModelPlan& plan) { return norm_ends_branch(plan.layers.front()) ? 4.0 : 2.0; }

double count(bool present) { return present ? 1.0 : 0.0; }

void add_layer(const spec::LayerSpec& layer, double sum, Roundings& path) {
  const double norms = count(layer.norm_before()) + count(layer.norm_after());
  const double rotary = count(layer.attention.rotary.theta > 0);
  const double qk_norm = count(layer.attention.qk_norm != spec::QkNorm::kNone);
  const double scale = count(layer.residual_scale != 1);
  const bool inside = norm_ends_branch(layer);
  // Both halves: norms, the product out with its sum over tp, and the addition to the stream.
  const double both = 2 * (norms + scale + 1 + sum + 1);
  // Queries, keys and values, the probabilities, attention's result; the inner product and its activation.
  path.forward += both + 1 + rotary + qk_norm + 2 + 2 + count(layer.attention.qkv_bias) +
                  count(inside && layer.attention.o_bias) + count(inside && layer.feed_forward.bias);
  // The gradients of the same values, and of the probabilities and the scores.
  path.backward += both + 1 + rotary + qk_norm + 3 + 2;
}

/// Returns the bound that independent errors give, whose relative standard deviations are `forward` in the logits and
/// `gradient` in a gradient.
Bf16Bound bound(const LayoutCase& one, double loss, double forward, double gradient) {
  const spec::ModelPlan& plan = one.config.model;
  const double tokens = static_cast<double>(one.global_batch * plan.sequence);
  // Rows behind a norm have a root mean square of 1.
  const double logit = plan.head.scale * plan.init_std * std::sqrt(static_cast<double>(plan.hidden));
  return {forward * logit / std::sqrt(tokens) / loss, gradient / std::sqrt(tokens) + gradient * gradient / 2, gradient};
}

}  // namespace

Roundings roundings(const spec::ModelPlan& plan, int tp) {
  const double sum = of_sum(tp);
  const spec::EmbeddingSpec& embedding = plan.embedding;
  Roundings path;
  const double ends = count(embedding.scale != 1) + count(embedding.norm) + count(plan.final_norm);
  const double transform = 3 * count(plan.head.transform);
  path.forward =
      ends + transform + count(embedding.positions) + count(embedding.token_types > 0) + 1 + count(plan.head.bias);
  path.backward = ends + transform + 2 + sum;
  for (const spec::LayerSpec& layer : plan.layers) add_layer(layer, sum, path);
  return path;
}

Bf16Bound bound_to_fp64(const LayoutCase& one, double loss) {
  const Roundings path = roundings(one.config.model, one.config.degrees.tp);
  const double allowed = kTail * amplified(one.config.model) * kDeviation * kUnit;
  // The gradient of a weight is a product that is rounded, too.
  return bound(one, loss, allowed * std::sqrt(path.forward), allowed * std::sqrt(path.forward + path.backward + 1));
}

Bf16Bound bound_to_one_rank(const LayoutCase& one, double loss) {
  const Roundings here = roundings(one.config.model, one.config.degrees.tp);
  const Roundings there = roundings(one.config.model, 1);
  const double forward = here.forward + there.forward;
  const double backward = here.backward + there.backward;
  if (one.config.degrees.tp == 1) {
    // Only the products that are gradients of weights differ, and nothing lies behind them.
    const double allowed = kTail * kDeviation * kUnit;
    return bound(one, loss, allowed * std::sqrt(kFlips * forward),
                 allowed * std::sqrt(kFlips * (forward + backward) + 2));
  }
  const double allowed = kTail * amplified(one.config.model) * kDeviation * kUnit;
  return bound(one, loss, allowed * std::sqrt(forward), allowed * std::sqrt(forward + backward + 2));
}

}  // namespace trireme::tests
