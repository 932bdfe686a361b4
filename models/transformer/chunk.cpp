#include "models/transformer/chunk.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "models/spec/logical_tensor.hpp"
#include "models/transformer/embedding.hpp"
#include "models/transformer/head.hpp"
#include "models/transformer/layer.hpp"

namespace trireme::transformer {
namespace {

class ChunkActivations final : public Activations {
 public:
  Pass pass;
  EmbeddingActivations embedding;
  std::vector<LayerActivations> layers;
  at::Tensor head_grad;  ///< gradient of the last layer's output; undefined without the head
};

class Cache final : public KeyValueCache {
 public:
  std::int64_t tokens = 0;
  std::int64_t capacity = 0;
  std::vector<at::Tensor> keys;
  std::vector<at::Tensor> values;
};

parallel::VocabularyPart vocabulary_part(const spec::ModelPlan& plan, const parallel::TensorGroup& group) {
  const spec::RowRange rows = spec::vocabulary_rows(plan.vocab, group.rank(), group.size());
  return {plan.vocab, rows.first, rows.count};
}

}  // namespace

class Chunk::Implementation {
 public:
  Implementation(const spec::ModelPlan& plan, const schedule::ChunkLayers& chunk, const ChunkContext& context,
                 parallel::ParameterStore& parameters)
      : plan_(plan),
        chunk_(chunk),
        context_(context),
        group_{context.tp, context.sequence_parallel},
        type_(parameters.flat_values().scalar_type()),
        device_(parameters.flat_values().device()),
        setting_{plan_, RotaryCache(kernels::wide_type(type_), device_), group_.rank(), group_.size(), context.seed} {
    for (std::int64_t i = 0; i < chunk.layer_count; ++i)
      layers_.emplace_back(setting_, parameters, chunk.first_layer + i);
    const parallel::VocabularyPart part = vocabulary_part(plan_, group_);
    if (chunk.embedding) embedding_.emplace(plan_, context.seed, part, parameters);
    if (chunk.head) head_.emplace(plan_, part, parameters);
    prepare_positions(plan_.sequence);
  }

  ForwardResult forward(const MicroBatch& batch, const at::Tensor& input) {
    auto activations = std::make_unique<ChunkActivations>();
    activations->pass = {group_, batch.samples, batch.step, true};
    const Pass& pass = activations->pass;
    at::Tensor x =
        embedding_ ? embedding_->forward(batch.tokens, pass, 0, &activations->embedding) : input.contiguous();
    for (const Layer& layer : layers_) {
      LayerActivations& kept = activations->layers.emplace_back();
      x = layer.forward(x, pass, kept);
      Layer::drop(kept, context_.recompute);
    }
    ForwardResult result;
    if (head_) {
      result.loss_sum =
          head_->loss_with_gradients(x, batch.targets.t().contiguous(), pass, batch.loss_scale, activations->head_grad);
    } else {
      result.output_TBD = x;
    }
    result.activations = std::move(activations);
    return result;
  }

  at::Tensor backward(std::unique_ptr<Activations> activations, const at::Tensor& grad_TBD, const LayerDone& done) {
    auto& kept = dynamic_cast<ChunkActivations&>(*activations);
    if (head_) done(plan_.layer_count());
    at::Tensor grad = head_ ? std::move(kept.head_grad) : grad_TBD.contiguous();
    parallel::ImmediateGradients gradients;
    for (std::size_t i = layers_.size(); i-- > 0;) {
      grad = layers_[i].backward(grad, kept.pass, kept.layers[i], gradients);
      kept.layers.pop_back();
      done(chunk_.first_layer + static_cast<std::int64_t>(i));
    }
    if (!embedding_) return grad;
    embedding_->backward(std::move(grad), kept.pass, kept.embedding);
    done(-1);
    return {};
  }

  ForwardResult evaluate(const MicroBatch& batch, const at::Tensor& input) {
    const Pass pass = evaluation_pass(batch);
    const at::Tensor x = evaluate_layers(batch, input, pass);
    ForwardResult result;
    if (head_) {
      result.loss_sum = head_->loss(x, batch.targets.t().contiguous(), pass, batch.loss_scale);
    } else {
      result.output_TBD = x;
    }
    return result;
  }

  at::Tensor logits(const MicroBatch& batch, const at::Tensor& input) {
    const Pass pass = evaluation_pass(batch);
    const at::Tensor x = evaluate_layers(batch, input, pass);
    return head_ ? head_->logits(x, pass) : x;
  }

  std::unique_ptr<KeyValueCache> make_cache(std::int64_t batch, std::int64_t max_tokens) {
    check_generation(max_tokens);
    prepare_positions(max_tokens);
    auto cache = std::make_unique<Cache>();
    cache->capacity = max_tokens;
    const auto options = at::TensorOptions().dtype(type_).device(device_);
    for (const Layer& layer : layers_) {
      cache->keys.push_back(at::empty({max_tokens, batch, layer.kv_width()}, options));
      cache->values.push_back(at::empty({max_tokens, batch, layer.kv_width()}, options));
    }
    return cache;
  }

  at::Tensor infer(const at::Tensor& tokens_BT, const at::Tensor& input_TBD, KeyValueCache& key_values) {
    auto& cache = dynamic_cast<Cache&>(key_values);
    const Pass pass{{context_.tp, false}, {}, 0, false};
    at::Tensor x = embedding_ ? embedding_->forward(tokens_BT, pass, cache.tokens, nullptr) : input_TBD.contiguous();
    const std::int64_t length = x.size(0);
    if (cache.tokens + length > cache.capacity) {
      throw base::Error(base::str("the key/value cache holds ", cache.capacity, " tokens, but ", cache.tokens + length,
                                  " are asked for"));
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i].infer(x, pass, cache.keys[i], cache.values[i], cache.tokens);
    }
    cache.tokens += length;
    return head_ ? head_->complete_logits(x.select(0, length - 1), pass.group) : x;
  }

 private:
  /// Uses sequence parallel only where tp divides the length.
  Pass evaluation_pass(const MicroBatch& batch) const {
    const bool divides = batch.tokens.size(1) % group_.size() == 0;
    return {{context_.tp, context_.sequence_parallel && divides}, batch.samples, batch.step, false};
  }

  at::Tensor evaluate_layers(const MicroBatch& batch, const at::Tensor& input, const Pass& pass) {
    at::Tensor x = embedding_ ? embedding_->forward(batch.tokens, pass, 0, nullptr) : input.contiguous();
    for (const Layer& layer : layers_) {
      LayerActivations unused;
      x = layer.forward(x, pass, unused);
    }
    return x;
  }

  void prepare_positions(std::int64_t positions) {
    for (std::int64_t i = 0; i < chunk_.layer_count; ++i) {
      setting_.rotary.prepare(plan_.layers[static_cast<std::size_t>(chunk_.first_layer + i)].attention, positions);
    }
  }

  void check_generation(std::int64_t max_tokens) const {
    if (plan_.embedding.positions && max_tokens > plan_.sequence) {
      throw base::InputError(base::str("the model has positions for ", plan_.sequence, " tokens, but ", max_tokens,
                                       " are asked for: shorten the prompt or ask for fewer tokens"));
    }
    const auto sees_all = [](const spec::LayerSpec& layer) { return layer.attention.mask == spec::Mask::kFull; };
    if (std::any_of(plan_.layers.begin(), plan_.layers.end(), sees_all)) {
      throw base::InputError(
          "the model's tokens see those behind them (model.mask = full): it cannot generate text token by token");
    }
  }

  const spec::ModelPlan plan_;
  const schedule::ChunkLayers chunk_;
  const ChunkContext context_;
  const parallel::TensorGroup group_;
  const at::ScalarType type_;
  const at::Device device_;
  LayerSetting setting_;
  std::vector<Layer> layers_;
  std::optional<Embedding> embedding_;
  std::optional<Head> head_;
};

Chunk::Chunk(const spec::ModelPlan& plan, const schedule::ChunkLayers& chunk, const ChunkContext& context,
             parallel::ParameterStore& parameters)
    : implementation_(std::make_unique<Implementation>(plan, chunk, context, parameters)) {}
Chunk::~Chunk() = default;
Chunk::Chunk(Chunk&&) noexcept = default;

Chunk::ForwardResult Chunk::forward(const MicroBatch& batch, const at::Tensor& input_TBD) {
  return implementation_->forward(batch, input_TBD);
}

at::Tensor Chunk::backward(std::unique_ptr<Activations> activations, const at::Tensor& grad_TBD,
                           const LayerDone& done) {
  return implementation_->backward(std::move(activations), grad_TBD, done);
}

Chunk::ForwardResult Chunk::evaluate(const MicroBatch& batch, const at::Tensor& input_TBD) {
  return implementation_->evaluate(batch, input_TBD);
}

at::Tensor Chunk::logits(const MicroBatch& batch, const at::Tensor& input_TBD) {
  return implementation_->logits(batch, input_TBD);
}

std::unique_ptr<KeyValueCache> Chunk::make_cache(std::int64_t batch, std::int64_t max_tokens) {
  return implementation_->make_cache(batch, max_tokens);
}

at::Tensor Chunk::infer(const at::Tensor& tokens_BT, const at::Tensor& input_TBD, KeyValueCache& cache) {
  return implementation_->infer(tokens_BT, input_TBD, cache);
}

}  // namespace trireme::transformer
