#include "models/parallel/head_loss.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "models/parallel/embedding.hpp"
#include "models/parallel/linear_products.hpp"

namespace trireme::parallel {
namespace {

constexpr std::int64_t kVocabularyBlock = 3072;

/// How many bytes of logits exist at a time.
std::int64_t slice_bytes(const at::Tensor& x) { return std::int64_t{x.is_cuda() ? 512 : 64} << 20; }

/// Divides the tokens into equal slices. The same on every tp rank, since the largest part decides.
std::int64_t tokens_per_slice(std::int64_t tokens, const VocabularyPart& part, int tp, const at::Tensor& x) {
  const std::int64_t widest = (part.total + tp - 1) / tp;
  const std::int64_t most =
      std::max<std::int64_t>(1, slice_bytes(x) / (widest * static_cast<std::int64_t>(x.element_size())));
  const std::int64_t slices = std::max<std::int64_t>(1, (tokens + most - 1) / most);
  return (tokens + slices - 1) / slices;
}

/// How many rows of the head's weight are multiplied at a time. Products with a hundred thousand columns, or sums over
/// them, run at 0.6 to 0.9 of the speed of those of a layer's size in the libraries for CPUs (docs/performance.md).
/// In bf16 the partial sums of the input's gradient would be rounded, so there the part stays whole.
std::int64_t vocabulary_block(const VocabularyPart& part, const at::Tensor& x) {
  const bool whole = x.is_cuda() || x.scalar_type() == at::kBFloat16;
  return whole ? std::max<std::int64_t>(1, part.count) : kVocabularyBlock;
}

/// Gathers the (n, k) statistics of every rank as (tp, n, k).
at::Tensor all_statistics(const at::Tensor& mine, const TensorGroup& group) {
  const at::Tensor one = mine.unsqueeze(0);
  return group.size() == 1 ? one : all_gather(*group.comm, one);
}

at::Tensor statistics_of_nothing(std::int64_t tokens, const at::TensorOptions& options) {
  at::Tensor statistics = at::zeros({tokens, 3}, options.dtype(at::kDouble));
  statistics.select(1, 0).fill_(-std::numeric_limits<double>::infinity());
  return statistics;
}

at::Tensor sum_of_exponentials(const at::Tensor& parts, const at::Tensor& maximum) {
  return at::sum(at::exp(parts.select(2, 0).sub(maximum)).mul_(parts.select(2, 1)), {0});
}

/// The statistics (n, 3) of a rank's blocks of the vocabulary together.
at::Tensor together(const std::vector<at::Tensor>& blocks) {
  if (blocks.size() == 1) return blocks.front();
  const at::Tensor parts = at::stack(blocks);
  const at::Tensor maximum = parts.select(2, 0).amax({0});
  return at::stack({maximum, sum_of_exponentials(parts, maximum), at::sum(parts.select(2, 2), {0})}, 1);
}

at::Tensor scaled(const at::Tensor& logits, const kernels::LogitScaling& scaling) {
  const auto [scale, cap] = scaling;
  if (scale == 1.0 && cap == 0.0) return logits;
  at::Tensor wide = logits.to(kernels::wide_type(logits.scalar_type()), /*non_blocking=*/false, /*copy=*/true);
  cap == 0.0 ? wide.mul_(scale) : wide.mul_(scale / cap).tanh_().mul_(cap);
  return wide.to(logits.scalar_type());
}

/// The largest of some logits and its number in the vocabulary, the lowest among equals: (n, 2) fp64.
at::Tensor best_of(const at::Tensor& logits, std::int64_t first) {
  const auto [value, index] = logits.max(1);
  return at::stack({value.to(at::kDouble), index.add(first).to(at::kDouble)}, 1);
}

/// Returns the best of no logits: what every logit beats.
at::Tensor best_of_nothing(std::int64_t tokens, const at::TensorOptions& options) {
  return at::full({tokens, 2}, -std::numeric_limits<double>::infinity(), options.dtype(at::kDouble));
}

/// The best of parts of the vocabulary, (parts, n, 2).
at::Tensor best_of_all(const at::Tensor& parts) {
  const at::Tensor values = parts.select(2, 0), value = values.amax({0});
  const at::Tensor candidates =
      at::where(values.eq(value), parts.select(2, 1), std::numeric_limits<double>::infinity());
  return at::stack({value, candidates.amin({0})}, 1);
}

/// Over the whole vocabulary.
struct Combined {
  at::Tensor loss;     ///< of each token; 0 where masked
  at::Tensor present;  ///< false where masked
  at::Tensor maximum;
  at::Tensor sum;

  /// What turns a block's exponentials into probabilities.
  at::Tensor factor(const at::Tensor& block) const {
    return at::where(present, at::exp(block.select(1, 0).sub(maximum)).div_(sum), 0.0);
  }
};

Combined combine(const at::Tensor& all, const at::Tensor& targets) {
  Combined result;
  result.present = targets.ge(0);
  result.maximum = all.select(2, 0).amax({0});
  result.sum = sum_of_exponentials(all, result.maximum);
  const at::Tensor target_logit = at::sum(all.select(2, 2), {0});
  result.loss = at::where(result.present, at::log(result.sum).add_(result.maximum).sub_(target_logit), 0.0);
  return result;
}

/// Consecutive rows of the head on this rank, and what a slice of tokens has of them.
struct VocabularyBlock {
  std::int64_t first;
  std::int64_t count;
  at::Tensor local;       ///< the targets' rows in the block, negative where they lie elsewhere
  at::Tensor logits;      ///< (tokens, count); then exponentials, then gradients
  at::Tensor statistics;  ///< (tokens, 3)

  at::Tensor of(const at::Tensor& rows) const { return rows.narrow(0, first, count); }
};

/// One slice of tokens. `storage` holds the logits, block after block: a row of a block is short.
class Slice {
 public:
  Slice(const at::Tensor& x, const at::Tensor& targets, const OutputHead& head, const VocabularyPart& part,
        const at::Tensor& storage)
      : x_(x), head_(head), first_(part.first) {
    const std::int64_t tokens = x.size(0), most = vocabulary_block(part, x);
    for (std::int64_t first = 0; first < part.count; first += most) {
      const std::int64_t count = std::min(most, part.count - first);
      blocks_.push_back({first,
                         count,
                         local_rows(targets, part.first + first, count),
                         storage.narrow(0, tokens * first, tokens * count).view({tokens, count}),
                         {}});
    }
  }

  /// Returns this rank's statistics, (tokens, 3), and sets `best`, if it is not null, to those of best_of().
  at::Tensor forward(at::Tensor* best = nullptr) {
    if (best != nullptr) *best = best_of_nothing(x_.size(0), x_.options());
    if (blocks_.empty()) return statistics_of_nothing(x_.size(0), x_.options());
    std::vector<at::Tensor> statistics;
    const ValueLease weight = head_.weight.values(), bias = head_.bias_values();
    for (VocabularyBlock& block : blocks_) {
      linear_product_into(x_, block.of(weight.tensor()), block.logits);
      if (head_.bias != nullptr) kernels::add(block.logits, {}, block.of(bias.tensor()));
      if (best != nullptr) {
        *best = best_of_all(at::stack({*best, best_of(scaled(block.logits, head_.scaling), first_ + block.first)}));
      }
      block.statistics = kernels::softmax_statistics(block.logits, block.local, head_.scaling);
      statistics.push_back(block.statistics);
    }
    return together(statistics);
  }

  /// Computes the gradients of the head's blocks and, in dx, of the slice's input.
  void backward(const Combined& combined, double loss_scale, at::Tensor& dx) {
    if (blocks_.empty()) return;
    const at::Tensor at_target = at::full({x_.size(0)}, loss_scale, combined.loss.options());
    const ValueLease weight = head_.weight.values();
    const bool of_weight = head_.weight.trainable(), of_bias = head_.bias != nullptr && head_.bias->trainable();
    const bool overwrite = of_weight && head_.weight.take_first();
    const bool overwrite_bias = of_bias && head_.bias->take_first();
    for (VocabularyBlock& block : blocks_) {
      kernels::softmax_gradient(block.logits, block.statistics, block.local,
                                combined.factor(block.statistics).mul_(loss_scale), at_target, head_.scaling);
      linear_input_grad_into(block.logits, block.of(weight.tensor()), block.first == 0, dx);
      if (of_weight) {
        at::Tensor grad = block.of(head_.weight.grad);
        linear_weight_grad_into(block.logits, x_, overwrite, grad);
      }
      if (!of_bias) continue;
      at::Tensor grad = block.of(head_.bias->grad);
      kernels::column_sum(block.logits, grad, overwrite_bias);
    }
  }

 private:
  at::Tensor x_;
  const OutputHead& head_;
  std::int64_t first_;  ///< number of this rank's first row in the vocabulary
  std::vector<VocabularyBlock> blocks_;
};

/// Calls f(slice, its first token, its targets) for one slice of the tokens after the other.
template <typename F>
void for_slices(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const OutputHead& head,
                const VocabularyPart& part, const TensorGroup& group, const F& f) {
  const at::Tensor x = x_TBD.reshape({-1, x_TBD.size(-1)});
  const at::Tensor targets = targets_TB.reshape({-1});
  const std::int64_t tokens = x.size(0);
  const std::int64_t most = tokens_per_slice(tokens, part, group.size(), x);
  const at::Tensor storage = at::empty({most * part.count}, x.options());
  for (std::int64_t first = 0; first < tokens; first += most) {
    const std::int64_t count = std::min(most, tokens - first);
    const at::Tensor of_slice = targets.narrow(0, first, count);
    Slice slice(x.narrow(0, first, count), of_slice, head, part, storage);
    f(slice, first, of_slice);
  }
}

}  // namespace

at::Tensor head_logits(const at::Tensor& x, const OutputHead& head, bool rows_apart) {
  at::Tensor logits = linear_product(x, head.weight.values().tensor(), rows_apart);
  if (head.bias != nullptr) kernels::add(logits, {}, head.bias_values().tensor());
  return scaled(logits, head.scaling);
}

HeadLoss head_loss(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const OutputHead& head,
                   const VocabularyPart& part, const TensorGroup& group, double loss_scale, bool gradients) {
  HeadLoss result;
  result.loss_sum = at::zeros({}, x_TBD.options().dtype(at::kDouble));
  if (gradients) result.input_grad = part.count > 0 ? at::empty_like(x_TBD) : at::zeros_like(x_TBD);
  for_slices(x_TBD, targets_TB, head, part, group, [&](Slice& slice, std::int64_t first, const at::Tensor& targets) {
    const Combined combined = combine(all_statistics(slice.forward(), group), targets);
    result.loss_sum.add_(at::sum(combined.loss));
    if (!gradients) return;
    at::Tensor dx = result.input_grad.flatten(0, 1).narrow(0, first, targets.size(0));
    slice.backward(combined, loss_scale, dx);
  });
  return result;
}

HeadScores head_scores(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const OutputHead& head,
                       const VocabularyPart& part, const TensorGroup& group) {
  HeadScores result;
  result.log_probability_TB = at::empty(targets_TB.sizes(), x_TBD.options().dtype(at::kDouble));
  result.greedy_TB = at::empty(targets_TB.sizes(), x_TBD.options().dtype(at::kBool));
  for_slices(x_TBD, targets_TB, head, part, group, [&](Slice& slice, std::int64_t first, const at::Tensor& targets) {
    at::Tensor best;
    const at::Tensor statistics = slice.forward(&best);
    const at::Tensor all = all_statistics(at::cat({statistics, best}, 1), group);
    const auto here = [&](const at::Tensor& of_all) { return of_all.flatten().narrow(0, first, targets.size(0)); };
    here(result.log_probability_TB).copy_(combine(all, targets).loss.neg());
    here(result.greedy_TB).copy_(best_of_all(all.narrow(2, 3, 2)).select(1, 1).eq(targets));
  });
  return result;
}

}  // namespace trireme::parallel
