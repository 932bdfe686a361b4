#include "models/parallel/head_loss.hpp"

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

Combined combine(const at::Tensor& mine, const at::Tensor& targets, const TensorGroup& group) {
  const at::Tensor all = all_statistics(mine, group);
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
      : x_(x), head_(head) {
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

  /// Returns this rank's statistics.
  at::Tensor forward() {
    if (blocks_.empty()) return statistics_of_nothing(x_.size(0), x_.options());
    std::vector<at::Tensor> statistics;
    for (VocabularyBlock& block : blocks_) {
      linear_product_into(x_, block.of(head_.weight.value), block.logits);
      if (head_.bias != nullptr) kernels::add(block.logits, {}, block.of(head_.bias->value));
      block.statistics = kernels::softmax_statistics(block.logits, block.local, head_.scaling);
      statistics.push_back(block.statistics);
    }
    return together(statistics);
  }

  /// Computes the gradients of the head's blocks and, in dx, of the slice's input.
  void backward(const Combined& combined, double loss_scale, at::Tensor& dx) {
    if (blocks_.empty()) return;
    const at::Tensor at_target = at::full({x_.size(0)}, loss_scale, combined.loss.options());
    const bool overwrite = head_.weight.take_first();
    const bool overwrite_bias = head_.bias != nullptr && head_.bias->take_first();
    for (VocabularyBlock& block : blocks_) {
      kernels::softmax_gradient(block.logits, block.statistics, block.local,
                                combined.factor(block.statistics).mul_(loss_scale), at_target, head_.scaling);
      linear_input_grad_into(block.logits, block.of(head_.weight.value), block.first == 0, dx);
      at::Tensor grad = block.of(head_.weight.grad);
      linear_weight_grad_into(block.logits, x_, overwrite, grad);
      if (head_.bias == nullptr) continue;
      at::Tensor of_bias = block.of(head_.bias->grad);
      kernels::column_sum(block.logits, of_bias, overwrite_bias);
    }
  }

 private:
  at::Tensor x_;
  const OutputHead& head_;
  std::vector<VocabularyBlock> blocks_;
};

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
  const std::int64_t tokens = x.size(0);
  const std::int64_t most = tokens_per_slice(tokens, part, group.size(), x);
  HeadLoss result;
  result.loss_sum = at::zeros({}, x.options().dtype(at::kDouble));
  if (gradients) result.input_grad = part.count > 0 ? at::empty_like(x_TBD) : at::zeros_like(x_TBD);
  const at::Tensor storage = at::empty({most * part.count}, x.options());
  for (std::int64_t first = 0; first < tokens; first += most) {
    const std::int64_t count = std::min(most, tokens - first);
    const at::Tensor targets_of_slice = targets.narrow(0, first, count);
    Slice slice(x.narrow(0, first, count), targets_of_slice, head, part, storage);
    const Combined combined = combine(slice.forward(), targets_of_slice, group);
    result.loss_sum.add_(at::sum(combined.loss));
    if (!gradients) continue;
    at::Tensor dx = result.input_grad.view({tokens, -1}).narrow(0, first, count);
    slice.backward(combined, loss_scale, dx);
  }
  return result;
}

}  // namespace trireme::parallel
