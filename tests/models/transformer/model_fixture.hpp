// A small model with weights that make every path count, and one micro-batch; the same on every rank.
#pragma once

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/normal.hpp"
#include "base/philox.hpp"
#include "models/layout/block_plan.hpp"
#include "models/transformer/chunk.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::test {

inline spec::ModelConfig small_model(const std::string& family) {
  const bool gpt2 = family == "gpt2";
  return tests::small_model_of(family, {.layers = 2,
                                        .hidden = 48,
                                        .heads = 12,
                                        .kv_heads = gpt2 ? 12 : 4,
                                        .ffn = 40,
                                        .sequence = 16,
                                        .vocab = 37,
                                        .tied = gpt2});
}

/// All of a logical tensor, fp64.
inline at::Tensor logical_value(const spec::LogicalTensor& tensor) {
  at::Tensor value = at::empty(tensor.shape, at::kDouble);
  base::fill_normal(7, tensor.name, 0, static_cast<std::uint64_t>(value.numel()), 0.2,
                    value.mutable_data_ptr<double>());
  if (tensor.initial == spec::Initial::kOnes) value.add_(1.0);
  return value;
}

inline at::Tensor part(const at::Tensor& full, const topology::Box& box) {
  at::Tensor view = full;
  for (std::size_t d = 0; d < box.size.size(); ++d) {
    view = view.narrow(static_cast<std::int64_t>(d), box.offset[d], box.size[d]);
  }
  return view;
}

/// One rank's share of the model: its store and one chunk.
struct Model {
  Model(const spec::ModelConfig& model, const schedule::ChunkLayers& chunk_spec, transformer::ChunkContext context,
        at::ScalarType type = at::kDouble, at::Device device = at::kCPU)
      : plan(spec::make_plan(model)),
        store(layout::lay_out(layout::block_plan(plan, {chunk_spec}), context.tp == nullptr ? 0 : context.tp->rank(),
                              context.tp == nullptr ? 1 : context.tp->size(), 32, 32),
              type, type == at::kDouble ? at::kDouble : at::kFloat, device),
        chunk(plan, chunk_spec, context, store) {
    for (const auto& parameter : store.parameters()) {
      parameter.value.copy_(part(logical_value(parameter.tensor), parameter.box));
    }
    store.begin_step();
  }
  Model(const spec::ModelConfig& model, transformer::ChunkContext context, at::ScalarType type = at::kDouble,
        at::Device device = at::kCPU)
      : Model(model, {0, model.layers, true, true}, context, type, device) {}

  /// Forward and backward of one micro-batch; the loss sum.
  double step(const transformer::MicroBatch& batch) {
    auto result = chunk.forward(batch, {});
    chunk.backward(std::move(result.activations), {}, [](std::int64_t) {});
    return result.loss_sum.item<double>();
  }
  std::map<std::string, at::Tensor> gradients() const {
    std::map<std::string, at::Tensor> all;
    for (const auto& parameter : store.parameters()) all[parameter.tensor.name] = parameter.grad;
    return all;
  }

  spec::ModelPlan plan;
  parallel::ParameterStore store;
  transformer::Chunk chunk;
};

/// `batch` sequences of random tokens; about one target in six is masked.
inline transformer::MicroBatch random_batch(const spec::ModelConfig& config, std::int64_t batch, std::int64_t length) {
  transformer::MicroBatch result;
  result.tokens = at::empty({batch, length}, at::kLong);
  result.targets = at::empty({batch, length}, at::kLong);
  for (std::int64_t i = 0; i < batch * length; ++i) {
    const auto draw = base::philox({static_cast<std::uint32_t>(i), 0, 0, 0}, {11, 12});
    result.tokens.mutable_data_ptr<std::int64_t>()[i] = draw[0] % config.vocab;
    result.targets.mutable_data_ptr<std::int64_t>()[i] = draw[2] % 6 == 0 ? -1 : draw[1] % config.vocab;
  }
  for (std::int64_t b = 0; b < batch; ++b) result.samples.push_back(100 + b);
  result.step = 3;
  result.loss_scale = 1.0 / static_cast<double>(batch * length);
  return result;
}

inline transformer::MicroBatch sequences(const transformer::MicroBatch& batch, std::int64_t first, std::int64_t count) {
  transformer::MicroBatch result = batch;
  result.tokens = batch.tokens.narrow(0, first, count);
  result.targets = batch.targets.narrow(0, first, count);
  result.samples.assign(batch.samples.begin() + first, batch.samples.begin() + first + count);
  return result;
}

}  // namespace trireme::test
