#include "models/parallel/head_loss.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>

#include "models/parallel/embedding.hpp"
#include "models/parallel/linear_products.hpp"

namespace trireme::parallel {
namespace {

/// How many bytes of logits exist at a time.
std::int64_t slice_bytes(const at::Tensor& x) { return std::int64_t{x.is_cuda() ? 512 : 64} << 20; }

/// The same on every tp rank, since the largest part decides.
std::int64_t tokens_per_slice(const VocabularyPart& part, int tp, const at::Tensor& x) {
  const std::int64_t widest = (part.total + tp - 1) / tp;
  return std::max<std::int64_t>(1, slice_bytes(x) / (widest * static_cast<std::int64_t>(x.element_size())));
}

/// Gathers the (n, 3) statistics of every rank as (tp, n, 3).
at::Tensor all_statistics(const at::Tensor& mine, const TensorGroup& group) {
  const at::Tensor one = mine.unsqueeze(0);
  return group.size() == 1 ? one : all_gather(*group.comm, one);
}

at::Tensor statistics_of_nothing(std::int64_t tokens, const at::TensorOptions& options) {
  at::Tensor statistics = at::zeros({tokens, 3}, options.dtype(at::kDouble));
  statistics.select(1, 0).fill_(-std::numeric_limits<double>::infinity());
  return statistics;
}

/// Over the whole vocabulary: the loss of each token (0 where masked) and the factor that turns this rank's
/// exponentials into probabilities.
struct Combined {
  at::Tensor loss;
  at::Tensor factor;
};

Combined combine(const at::Tensor& mine, const at::Tensor& targets, const TensorGroup& group) {
  const at::Tensor all = all_statistics(mine, group);
  const at::Tensor maximum = all.select(2, 0).amax({0});
  const at::Tensor sum = at::sum(at::exp(all.select(2, 0).sub(maximum)).mul_(all.select(2, 1)), {0});
  const at::Tensor target_logit = at::sum(all.select(2, 2), {0});
  const at::Tensor present = targets.ge(0);
  Combined result;
  result.loss = at::where(present, at::log(sum).add_(maximum).sub_(target_logit), 0.0);
  result.factor = at::where(present, at::exp(mine.select(1, 0).sub(maximum)).div_(sum), 0.0);
  return result;
}

}  // namespace

at::Tensor head_logits(const at::Tensor& x, const OutputHead& head) {
  at::Tensor logits = linear_product(x, head.weight.value);
  if (head.bias != nullptr) kernels::add(logits, {}, head.bias->value);
  const auto [scale, cap] = head.scaling;
  if (scale == 1.0 && cap == 0.0) return logits;
  at::Tensor wide = logits.to(kernels::wide_type(logits.scalar_type()));
  cap == 0.0 ? wide.mul_(scale) : wide.mul_(scale / cap).tanh_().mul_(cap);
  return wide.to(logits.scalar_type());
}

HeadLoss head_loss(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const OutputHead& head,
                   const VocabularyPart& part, const TensorGroup& group, double loss_scale, bool gradients) {
  const at::Tensor x = x_TBD.reshape({-1, x_TBD.size(-1)});
  const at::Tensor targets = targets_TB.reshape({-1});
  const at::Tensor local = local_rows(targets, part.first, part.count);
  const std::int64_t tokens = x.size(0);
  const std::int64_t slice = std::min(tokens, tokens_per_slice(part, group.size(), x));
  HeadLoss result;
  result.loss_sum = at::zeros({}, x.options().dtype(at::kDouble));
  if (gradients) result.input_grad = part.count > 0 ? at::empty_like(x_TBD) : at::zeros_like(x_TBD);
  const at::Tensor storage = at::empty({slice, part.count}, x.options());
  for (std::int64_t first = 0; first < tokens; first += slice) {
    const std::int64_t count = std::min(slice, tokens - first);
    const at::Tensor x_slice = x.narrow(0, first, count);
    const at::Tensor local_slice = local.narrow(0, first, count);
    at::Tensor logits = storage.narrow(0, 0, count);
    at::Tensor mine;
    if (part.count > 0) {
      linear_product_into(x_slice, head.weight.value, logits);
      if (head.bias != nullptr) kernels::add(logits, {}, head.bias->value);
      mine = kernels::softmax_statistics(logits, local_slice, head.scaling);
    } else {
      mine = statistics_of_nothing(count, x.options());
    }
    const Combined combined = combine(mine, targets.narrow(0, first, count), group);
    result.loss_sum.add_(at::sum(combined.loss));
    if (!gradients || part.count == 0) continue;
    const at::Tensor at_target = at::full({count}, loss_scale, combined.factor.options());
    kernels::softmax_gradient(logits, mine, local_slice, combined.factor.mul(loss_scale), at_target, head.scaling);
    at::Tensor dx = result.input_grad.view({tokens, -1}).narrow(0, first, count);
    linear_input_grad_into(logits, head.weight.value, dx);
    linear_weight_grad(logits, x_slice, head.weight);
    if (head.bias != nullptr) bias_grad(logits, *head.bias);
  }
  return result;
}

}  // namespace trireme::parallel
