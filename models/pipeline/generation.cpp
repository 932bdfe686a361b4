#include "models/pipeline/generation.hpp"

#include <ATen/ops/empty.h>

#include "models/parallel/data_type.hpp"
#include "models/parallel/host_read.hpp"

namespace trireme::pipeline {

Generation::Generation(Stage& stage, const spec::ModelPlan& model, std::int64_t batch, std::int64_t max_tokens,
                       const at::TensorOptions& options)
    : stage_(stage), model_(model), batch_(batch), options_(options) {
  for (transformer::Chunk& chunk : stage.chunks) caches_.push_back(chunk.make_cache(batch, max_tokens));
}

at::Tensor Generation::next_logits(const at::Tensor& tokens) {
  const at::Tensor here = tokens.to(options_.device());
  at::Tensor logits = at::empty({batch_, model_.vocab}, options_.dtype(at::kFloat));
  relay(stage_, {{tokens.size(1), batch_, model_.hidden}, options_}, [&](int chunk, const at::Tensor& input) {
    auto& cache = *caches_[static_cast<std::size_t>(chunk / stage_.stages)];
    at::Tensor output = stage_.chunk(chunk).infer(here, input, cache);
    if (chunk == stage_.total() - 1) logits.copy_(output);
    return output;
  });
  if (stage_.pp != nullptr) {
    stage_.pp->broadcast(logits.mutable_data_ptr(), static_cast<std::size_t>(logits.numel()),
                         parallel::data_type(logits), stage_.stages - 1);
  }
  return parallel::read_host(logits);
}

}  // namespace trireme::pipeline
