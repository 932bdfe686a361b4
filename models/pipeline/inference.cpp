#include "models/pipeline/inference.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <functional>

#include "base/error.hpp"
#include "models/kernels/kernels.hpp"
#include "models/layout/state_boxes.hpp"
#include "models/parallel/data_type.hpp"
#include "models/parallel/host_read.hpp"
#include "models/pipeline/assembly.hpp"

namespace trireme::pipeline {

using transformer::Chunk;
using transformer::MicroBatch;

class Inference::Implementation {
 public:
  Implementation(const ModelSetup& setup, const Groups& groups)
      : own_(std::make_unique<RankParts>(setup, groups)), parts_(*own_) {}
  explicit Implementation(RankParts& parts) : parts_(parts) {}

  std::vector<StateTensor> state() {
    std::vector<StateTensor> out;
    layout::StateLayout of_values = parts_.layout;
    of_values.masters = false;
    append_state(out, kParam, parts_.rank, layout::parameter_boxes(of_values, parts_.rank),
                 [&](std::int64_t begin, std::int64_t count) { return values().narrow(0, begin, count); });
    return out;
  }

  Evaluation evaluate(std::span<const MicroBatch> micro_batches) {
    const at::Tensor total = at::zeros({2}, values().options().dtype(at::kDouble));
    for (const MicroBatch& batch : micro_batches) {
      pass_through(batch, [&](Chunk& chunk, const at::Tensor& input, bool) {
        auto result = chunk.evaluate(batch, input);
        if (result.loss_sum.defined()) {
          total.select(0, 0).add_(result.loss_sum);
          total.select(0, 1).add_(batch.targets.ge(0).sum());
        }
        return result.output_TBD;
      });
    }
    const at::Tensor read = parallel::read_host(total);
    double sums[2] = {read.const_data_ptr<double>()[0], read.const_data_ptr<double>()[1]};
    if (parts_.at.tp != 0) sums[0] = sums[1] = 0.0;
    if (parts_.groups.world != nullptr) parts_.groups.world->all_reduce(sums, 2, collectives::DataType::kFloat64);
    return {sums[0], static_cast<std::int64_t>(sums[1])};
  }

  Scores score(const MicroBatch& batch) {
    // The log-probabilities and 1 or 0.
    at::Tensor both = at::empty({2, batch.tokens.size(0), batch.tokens.size(1)}, values().options().dtype(at::kDouble));
    pass_through(batch, [&](Chunk& chunk, const at::Tensor& input, bool last) {
      parallel::HeadScores scores;
      at::Tensor output = chunk.score(batch, input, scores);
      if (last) {
        both.select(0, 0).copy_(scores.log_probability_TB.t());
        both.select(0, 1).copy_(scores.greedy_TB.t());
      }
      return output;
    });
    const at::Tensor read = from_last_stage(both);
    return {read.select(0, 0), read.select(0, 1).ne(0)};
  }

  at::Tensor hidden(const MicroBatch& batch) {
    return on_hosts(batch, {batch.tokens.size(1), batch.tokens.size(0), parts_.setup.model.hidden},
                    [](Chunk&, const at::Tensor& hidden_TBD) { return hidden_TBD; })
        .transpose(0, 1)
        .contiguous();
  }

  at::Tensor pooled(const MicroBatch& batch) {
    if (!parts_.setup.model.pooler) {
      throw base::InputError("the model has no pooler (model.pooler = false): take the hidden states themselves");
    }
    return on_hosts(batch, {batch.tokens.size(0), parts_.setup.model.hidden},
                    [](Chunk& chunk, const at::Tensor& hidden_TBD) { return chunk.pooled(hidden_TBD.select(0, 0)); });
  }

  Generation generation() { return {parts_.stage, parts_.setup.model, values().options()}; }

 private:
  const at::Tensor& values() { return parts_.store.flat_values(); }

  /// Calls compute(chunk, input, whether it is the last one) for the chunks of this rank.
  void pass_through(const MicroBatch& batch,
                    const std::function<at::Tensor(Chunk&, const at::Tensor&, bool)>& compute) {
    relay(parts_.stage, wire_of(parts_.setup, batch, values().options()), [&](int chunk, const at::Tensor& input) {
      return compute(parts_.stage.chunk(chunk), input, chunk == parts_.stage.total() - 1);
    });
  }

  /// What `finish` makes of the last chunk's hidden states, of this shape, in the wide type on the host of every rank.
  at::Tensor on_hosts(const MicroBatch& batch, at::IntArrayRef shape,
                      const std::function<at::Tensor(Chunk&, const at::Tensor&)>& finish) {
    at::Tensor result = at::empty(shape, values().options().dtype(kernels::wide_type(values().scalar_type())));
    pass_through(batch, [&](Chunk& chunk, const at::Tensor& input, bool last) {
      at::Tensor output = chunk.hidden(batch, input);
      if (last) result.copy_(finish(chunk, output));
      return output;
    });
    return from_last_stage(result);
  }

  /// The last stage's values on the host of every rank.
  at::Tensor from_last_stage(at::Tensor& x) {
    const Stage& stage = parts_.stage;
    if (stage.pp != nullptr) {
      stage.pp->broadcast(x.mutable_data_ptr(), static_cast<std::size_t>(x.numel()), parallel::data_type(x),
                          stage.stages - 1);
    }
    return parallel::read_host(x);
  }

  std::unique_ptr<RankParts> own_;  ///< null for those of a Trainer
  RankParts& parts_;
};

Inference::Inference(const ModelSetup& setup, const Groups& groups)
    : implementation_(std::make_unique<Implementation>(setup, groups)) {}
Inference::Inference(RankParts& parts) : implementation_(std::make_unique<Implementation>(parts)) {}
Inference::~Inference() = default;

std::vector<StateTensor> Inference::state() { return implementation_->state(); }
Evaluation Inference::evaluate(std::span<const MicroBatch> micro_batches) {
  return implementation_->evaluate(micro_batches);
}
Scores Inference::score(const MicroBatch& batch) { return implementation_->score(batch); }
at::Tensor Inference::hidden(const MicroBatch& batch) { return implementation_->hidden(batch); }
at::Tensor Inference::pooled(const MicroBatch& batch) { return implementation_->pooled(batch); }
Generation Inference::generation() { return implementation_->generation(); }

}  // namespace trireme::pipeline
