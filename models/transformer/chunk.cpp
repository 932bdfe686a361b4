#include "models/transformer/chunk.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <optional>

#include "base/error.hpp"
#include "models/kernels/kernels.hpp"
#include "models/parallel/embedding.hpp"
#include "models/parallel/head_loss.hpp"
#include "models/parallel/linear_products.hpp"
#include "models/spec/logical_tensor.hpp"
#include "models/transformer/layer.hpp"

namespace trireme::transformer {
namespace {

constexpr int kEmbeddingSite = 0;

class ChunkActivations final : public Activations {
 public:
  Pass pass;
  at::Tensor rows_TB;  ///< rows of the embedding table; undefined without the embedding
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

parallel::VocabularyPart vocabulary_part(const spec::ModelConfig& config, const parallel::TensorGroup& group) {
  spec::LogicalTensor table;
  table.shape = {config.vocab, config.hidden};
  table.split = spec::Split::kVocabulary;
  const topology::Box box = spec::box_of(table, config, group.rank(), group.size());
  return {config.vocab, box.offset[0], box.size[0]};
}

}  // namespace

class Chunk::Implementation {
 public:
  Implementation(const spec::ModelConfig& config, const schedule::ChunkLayers& chunk, const ChunkContext& context,
                 parallel::ParameterStore& parameters)
      : config_(config),
        chunk_(chunk),
        context_(context),
        group_{context.tp, context.sequence_parallel},
        vocabulary_(vocabulary_part(config_, group_)),
        setting_{config_,
                 head_layout(config_, group_.rank(), group_.size(), parameters.flat_values().device()),
                 {},
                 context.seed},
        type_(parameters.flat_values().scalar_type()),
        device_(parameters.flat_values().device()) {
    for (std::int64_t i = 0; i < chunk.layer_count; ++i)
      layers_.emplace_back(setting_, parameters, chunk.first_layer + i);
    if (chunk.embedding) {
      tokens_ = &parameters.block("embed.tokens");
      if (parameters.has_block("embed.positions")) positions_ = &parameters.block("embed.positions");
    }
    if (chunk.head) {
      head_ = &parameters.block(config_.tie_embeddings ? "embed.tokens" : "head.weight");
      final_norm_ = Norm(parameters, "final_norm", config_.norm_eps);
    }
    prepare_positions(config_.sequence);
  }

  ForwardResult forward(const MicroBatch& batch, const at::Tensor& input) {
    auto activations = std::make_unique<ChunkActivations>();
    activations->pass = {group_, batch.samples, batch.step, true};
    const Pass& pass = activations->pass;
    at::Tensor x = chunk_.embedding ? embed(batch.tokens, pass, 0, &activations->rows_TB) : input.contiguous();
    for (const Layer& layer : layers_) {
      LayerActivations& kept = activations->layers.emplace_back();
      x = layer.forward(x, pass, kept);
      Layer::drop(kept, context_.recompute);
    }
    ForwardResult result;
    if (chunk_.head) {
      result.loss_sum = head_with_gradients(x, batch, pass, activations->head_grad);
    } else {
      result.output_TBD = x;
    }
    result.activations = std::move(activations);
    return result;
  }

  at::Tensor backward(std::unique_ptr<Activations> activations, const at::Tensor& grad_TBD, const LayerDone& done) {
    auto& kept = dynamic_cast<ChunkActivations&>(*activations);
    if (chunk_.head) done(config_.layers);
    at::Tensor grad = chunk_.head ? std::move(kept.head_grad) : grad_TBD.contiguous();
    parallel::ImmediateGradients gradients;
    for (std::size_t i = layers_.size(); i-- > 0;) {
      grad = layers_[i].backward(grad, kept.pass, kept.layers[i], gradients);
      kept.layers.pop_back();
      done(chunk_.first_layer + static_cast<std::int64_t>(i));
    }
    if (!chunk_.embedding) return grad;
    embed_backward(std::move(grad), kept);
    done(-1);
    return {};
  }

  ForwardResult evaluate(const MicroBatch& batch, const at::Tensor& input) {
    const Pass pass = evaluation_pass(batch);
    const at::Tensor x = evaluate_layers(batch, input, pass);
    ForwardResult result;
    if (!chunk_.head) {
      result.output_TBD = x;
      return result;
    }
    const at::Tensor complete = pass.group.enter(final_norm_.forward(x).output);
    result.loss_sum = parallel::head_loss(complete, batch.targets.t().contiguous(), *head_, vocabulary_, pass.group,
                                          batch.loss_scale, false)
                          .loss_sum;
    return result;
  }

  at::Tensor logits(const MicroBatch& batch, const at::Tensor& input) {
    const Pass pass = evaluation_pass(batch);
    const at::Tensor x = evaluate_layers(batch, input, pass);
    if (!chunk_.head) return x;
    return parallel::linear_product(pass.group.enter(final_norm_.forward(x).output), head_->value);
  }

  std::unique_ptr<KeyValueCache> make_cache(std::int64_t batch, std::int64_t max_tokens) {
    if (config_.arch == spec::Architecture::kGpt2 && max_tokens > config_.sequence) {
      throw base::InputError(base::str("the model has positions for ", config_.sequence, " tokens, but ", max_tokens,
                                       " are asked for: shorten the prompt or ask for fewer tokens"));
    }
    prepare_positions(max_tokens);
    auto cache = std::make_unique<Cache>();
    cache->capacity = max_tokens;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto options = at::TensorOptions().dtype(type_).device(device_);
      cache->keys.push_back(at::empty({max_tokens, batch, setting_.heads.kv_width()}, options));
      cache->values.push_back(at::empty({max_tokens, batch, setting_.heads.kv_width()}, options));
    }
    return cache;
  }

  at::Tensor infer(const at::Tensor& tokens_BT, const at::Tensor& input_TBD, KeyValueCache& key_values) {
    auto& cache = dynamic_cast<Cache&>(key_values);
    const Pass pass{{context_.tp, false}, {}, 0, false};
    at::Tensor x = chunk_.embedding ? embed(tokens_BT, pass, cache.tokens, nullptr) : input_TBD.contiguous();
    const std::int64_t length = x.size(0);
    if (cache.tokens + length > cache.capacity) {
      throw base::Error(base::str("the key/value cache holds ", cache.capacity, " tokens, but ", cache.tokens + length,
                                  " are asked for"));
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i].infer(x, pass, cache.keys[i], cache.values[i], cache.tokens);
    }
    cache.tokens += length;
    return chunk_.head ? complete_logits(x.select(0, length - 1)) : x;
  }

 private:
  /// Uses sequence parallel only where tp divides the length.
  Pass evaluation_pass(const MicroBatch& batch) const {
    const bool divides = batch.tokens.size(1) % group_.size() == 0;
    return {{context_.tp, context_.sequence_parallel && divides}, batch.samples, batch.step, false};
  }

  at::Tensor evaluate_layers(const MicroBatch& batch, const at::Tensor& input, const Pass& pass) {
    at::Tensor x = chunk_.embedding ? embed(batch.tokens, pass, 0, nullptr) : input.contiguous();
    for (const Layer& layer : layers_) {
      LayerActivations unused;
      x = layer.forward(x, pass, unused);
    }
    return x;
  }

  void prepare_positions(std::int64_t positions) {
    if (config_.arch != spec::Architecture::kLlama) return;
    if (setting_.rotary.cosine.defined() && setting_.rotary.cosine.size(0) >= positions) return;
    setting_.rotary =
        rotary_tables(positions, config_.head_size(), config_.rope_theta, kernels::wide_type(type_), device_);
  }

  /// Embeds tokens (B, T) at global positions from `past` on; returns (T or T/tp, B, D).
  at::Tensor embed(const at::Tensor& tokens_BT, const Pass& pass, std::int64_t past, at::Tensor* keep_rows) {
    const at::Tensor rows_TB = parallel::local_rows(tokens_BT.t().contiguous(), vocabulary_.first, vocabulary_.count);
    at::Tensor x = pass.group.leave(parallel::embedding(rows_TB, tokens_->value));
    const std::int64_t first = past + pass.group.first_position(tokens_BT.size(1));
    if (positions_ != nullptr) x.add_(positions_->value.narrow(0, first, x.size(0)).unsqueeze(1));
    if (pass.training) kernels::dropout(x, embedding_dropout(pass, first), pass.samples);
    if (keep_rows != nullptr) *keep_rows = rows_TB;
    return x;
  }

  kernels::DropoutKey embedding_dropout(const Pass& pass, std::int64_t first_position) const {
    return {config_.dropout, context_.seed, pass.step, -1, kEmbeddingSite, first_position};
  }

  void embed_backward(at::Tensor grad, const ChunkActivations& kept) {
    const std::int64_t first = kept.pass.group.first_position(kept.rows_TB.size(0));
    kernels::dropout(grad, embedding_dropout(kept.pass, first), kept.pass.samples);
    if (positions_ != nullptr) {
      if (positions_->take_first()) positions_->grad.zero_();
      at::Tensor here = positions_->grad.narrow(0, first, grad.size(0));
      kernels::accumulate(here, grad.size(1) == 1 ? grad : grad.sum({1}));
    }
    parallel::embedding_grad(kept.rows_TB, kept.pass.group.enter(grad), *tokens_);
  }

  at::Tensor head_with_gradients(const at::Tensor& x, const MicroBatch& batch, const Pass& pass, at::Tensor& grad) {
    const kernels::NormForward norm = final_norm_.forward(x);
    parallel::HeadLoss loss = parallel::head_loss(pass.group.enter(norm.output), batch.targets.t().contiguous(), *head_,
                                                  vocabulary_, pass.group, batch.loss_scale, true);
    grad = final_norm_.backward(pass.group.leave(std::move(loss.input_grad)), x, norm);
    return loss.loss_sum;
  }

  /// Takes x (B, D) and returns (B, vocabulary), complete on every tp rank.
  at::Tensor complete_logits(const at::Tensor& x) const {
    const at::Tensor mine = parallel::linear_product(final_norm_.forward(x.contiguous()).output, head_->value);
    if (group_.size() == 1) return mine;
    const std::int64_t widest = (config_.vocab + group_.size() - 1) / group_.size();
    at::Tensor padded = at::zeros({1, mine.size(0), widest}, mine.options());
    padded.select(0, 0).narrow(1, 0, mine.size(1)).copy_(mine);
    const at::Tensor all = parallel::all_gather(*context_.tp, padded);
    return all.permute({1, 0, 2}).flatten(1, 2).narrow(1, 0, config_.vocab).contiguous();
  }

  const spec::ModelConfig config_;
  const schedule::ChunkLayers chunk_;
  const ChunkContext context_;
  const parallel::TensorGroup group_;
  const parallel::VocabularyPart vocabulary_;
  LayerSetting setting_;
  const at::ScalarType type_;
  const at::Device device_;
  std::vector<Layer> layers_;
  parallel::Block* tokens_ = nullptr;
  parallel::Block* positions_ = nullptr;
  parallel::Block* head_ = nullptr;
  Norm final_norm_;
};

Chunk::Chunk(const spec::ModelConfig& config, const schedule::ChunkLayers& chunk, const ChunkContext& context,
             parallel::ParameterStore& parameters)
    : implementation_(std::make_unique<Implementation>(config, chunk, context, parameters)) {}
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
