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

/// So many rows of one sequence take no longer in rows that are computed apart than in the libraries.
constexpr std::int64_t kFewRows = 48;

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
  std::vector<at::Tensor> keys;  ///< (capacity, kv_width) of each layer
  std::vector<at::Tensor> values;
};

/// Int64 numbers on a device.
at::Tensor to_device(const std::vector<std::int64_t>& numbers, at::Device device) {
  at::Tensor host = at::empty({std::ssize(numbers)}, at::kLong);
  std::ranges::copy(numbers, host.mutable_data_ptr<std::int64_t>());
  return host.to(device);
}

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
    activations->pass = {group_, batch.samples, batch.step, true, false, documents_of(batch, setting_.rotary)};
    const Pass& pass = activations->pass;
    at::Tensor x = embedding_ ? embedding_->forward(batch.tokens, batch.types, pass, {}, &activations->embedding)
                              : input.contiguous();
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

  at::Tensor score(const MicroBatch& batch, const at::Tensor& input, parallel::HeadScores& scores) {
    const Pass pass = evaluation_pass(batch);
    at::Tensor x = evaluate_layers(batch, input, pass);
    if (!head_) return x;
    scores = head_->scores(x, batch.targets.t().contiguous(), pass);
    return {};
  }

  at::Tensor hidden(const MicroBatch& batch, const at::Tensor& input) {
    const Pass pass = evaluation_pass(batch);
    const at::Tensor x = evaluate_layers(batch, input, pass);
    return head_ ? pass.group.enter(head_->hidden(x)) : x;
  }

  at::Tensor pooled(const at::Tensor& first_BD) {
    if (!head_) throw base::Error("the pooler lives on the last chunk");
    return head_->pooled(first_BD);
  }

  std::unique_ptr<KeyValueCache> make_cache(std::int64_t capacity) {
    if (plan_.embedding.positions && capacity > plan_.sequence) {
      throw base::InputError(base::str("the model has positions for ", plan_.sequence, " tokens, but ", capacity,
                                       " are asked for: shorten the prompt or ask for fewer tokens"));
    }
    prepare_positions(capacity);
    auto cache = std::make_unique<Cache>();
    cache->capacity = capacity;
    const auto options = at::TensorOptions().dtype(type_).device(device_);
    for (const Layer& layer : layers_) {
      cache->keys.push_back(at::empty({capacity, layer.kv_width()}, options));
      cache->values.push_back(at::empty({capacity, layer.kv_width()}, options));
    }
    return cache;
  }

  at::Tensor infer(const at::Tensor& tokens_N, const at::Tensor& input_N1D, std::span<const NewTokens> sequences,
                   bool logits) {
    const Pass pass{{context_.tp, false}, {}, 0, false, tokens_apart(tokens_N.numel(), sequences)};
    std::vector<std::int64_t> numbers, last;
    for (const NewTokens& sequence : sequences) {
      const Cache& cache = cache_with_room(sequence);
      for (std::int64_t i = 0; i < sequence.count; ++i) numbers.push_back(cache.tokens + i);
      last.push_back(std::ssize(numbers) - 1);
    }
    const at::Tensor positions = to_device(numbers, device_);
    const RotaryCache rotary = setting_.rotary.at(positions);
    at::Tensor x = embedding_ ? embedding_->forward(tokens_N.unsqueeze(0), {}, pass, positions.unsqueeze(1), nullptr)
                              : input_N1D.contiguous();
    for (std::size_t i = 0; i < layers_.size(); ++i) x = layers_[i].infer(x, pass, rotary, rows_of(sequences, i));
    for (const NewTokens& sequence : sequences) dynamic_cast<Cache&>(*sequence.cache).tokens += sequence.count;
    if (!head_) return x;
    if (!logits) return {};
    return head_->complete_logits(x.squeeze(1).index_select(0, to_device(last, device_)), pass.group);
  }

 private:
  /// A sequence's result must not depend on the others'. Where there is one alone, the libraries may compute its many
  /// rows: they are up to twice as fast in bf16.
  static bool tokens_apart(std::int64_t tokens, std::span<const NewTokens> sequences) {
    return sequences.size() > 1 || tokens <= kFewRows;
  }

  /// Uses sequence parallel only where tp divides the length.
  Pass evaluation_pass(const MicroBatch& batch) const {
    const bool divides = batch.tokens.size(1) % group_.size() == 0;
    return {{context_.tp, context_.sequence_parallel && divides},
            batch.samples,
            batch.step,
            false,
            false,
            documents_of(batch, setting_.rotary)};
  }

  at::Tensor evaluate_layers(const MicroBatch& batch, const at::Tensor& input, const Pass& pass) {
    at::Tensor x = embedding_ ? embedding_->forward(batch.tokens, batch.types, pass, {}, nullptr) : input.contiguous();
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

  static Cache& cache_with_room(const NewTokens& sequence) {
    auto& cache = dynamic_cast<Cache&>(*sequence.cache);
    if (cache.tokens + sequence.count > cache.capacity) {
      throw base::Error(base::str("the key/value cache holds ", cache.capacity, " tokens, but ",
                                  cache.tokens + sequence.count, " are asked for"));
    }
    return cache;
  }

  /// What layer `index` of this chunk has of the sequences.
  static std::vector<CachedRows> rows_of(std::span<const NewTokens> sequences, std::size_t index) {
    std::vector<CachedRows> rows;
    for (const NewTokens& sequence : sequences) {
      const auto& cache = dynamic_cast<const Cache&>(*sequence.cache);
      rows.push_back({cache.tokens, sequence.count, cache.keys[index], cache.values[index]});
    }
    return rows;
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

at::Tensor Chunk::score(const MicroBatch& batch, const at::Tensor& input_TBD, parallel::HeadScores& scores) {
  return implementation_->score(batch, input_TBD, scores);
}

at::Tensor Chunk::hidden(const MicroBatch& batch, const at::Tensor& input_TBD) {
  return implementation_->hidden(batch, input_TBD);
}

at::Tensor Chunk::pooled(const at::Tensor& first_BD) { return implementation_->pooled(first_BD); }

void Chunk::check_generation(const spec::ModelPlan& plan) {
  const auto sees_all = [](const spec::LayerSpec& layer) { return layer.attention.mask == spec::Mask::kFull; };
  if (std::any_of(plan.layers.begin(), plan.layers.end(), sees_all)) {
    throw base::InputError(
        "the model's tokens see those behind them (model.mask = full): it cannot generate text token by token");
  }
  if (!plan.head.present) {
    throw base::InputError("the model has no output head (model.lm_head = false): it cannot generate text");
  }
}

std::unique_ptr<KeyValueCache> Chunk::make_cache(std::int64_t capacity) {
  return implementation_->make_cache(capacity);
}

at::Tensor Chunk::infer(const at::Tensor& tokens_N, const at::Tensor& input_N1D, std::span<const NewTokens> sequences,
                        bool logits) {
  return implementation_->infer(tokens_N, input_N1D, sequences, logits);
}

}  // namespace trireme::transformer
