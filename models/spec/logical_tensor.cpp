#include "models/spec/logical_tensor.hpp"

#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace trireme::spec {
namespace {

/// Lists tensors one after another.
class Lister {
 public:
  explicit Lister(const ModelPlan& plan)
      : plan_(plan), residual_deviation_(plan.init_std / std::sqrt(2.0 * static_cast<double>(plan.layer_count()))) {}

  void embedding() {
    place_ = Place::kEmbedding;
    matrix("embed.tokens", plan_.vocab, plan_.hidden, Split::kVocabulary);
    if (plan_.embedding.positions) {
      matrix("embed.positions", plan_.sequence, plan_.hidden, Split::kReplicated).partial = Partial::kSequence;
    }
    if (plan_.embedding.token_types > 0) {
      matrix("embed.types", plan_.embedding.token_types, plan_.hidden, Split::kReplicated).partial = Partial::kSequence;
    }
    if (plan_.embedding.norm) norm("embed.norm");
  }

  void layer(std::int64_t index) {
    place_ = Place::kLayer;
    layer_ = index;
    prefix_ = base::str("layers.", index, ".");
    const LayerSpec& spec = plan_.layers[static_cast<std::size_t>(index)];
    attention(spec);
    feed_forward(spec);
    layer_ = -1;
    prefix_.clear();
  }

  void head() {
    place_ = Place::kHead;
    if (plan_.final_norm) norm("final_norm");
    if (plan_.pooler) pooler();
    if (!plan_.head.present) return;
    if (plan_.head.transform) {
      matrix("head.transform.weight", plan_.hidden, plan_.hidden, Split::kReplicated).partial = Partial::kSequence;
      vector("head.transform.bias", plan_.hidden, Split::kReplicated, Initial::kZeros).partial = Partial::kSequence;
      norm("head.transform_norm");
    }
    if (!plan_.head.tied) matrix("head.weight", plan_.vocab, plan_.hidden, Split::kVocabulary);
    if (plan_.head.bias) vector("head.bias", plan_.vocab, Split::kVocabulary, Initial::kZeros);
  }

  std::vector<LogicalTensor> take() { return std::move(tensors_); }

 private:
  void attention(const LayerSpec& spec) {
    const AttentionSpec& attention = spec.attention;
    const Heads heads = heads_of(attention);
    const std::int64_t first = static_cast<std::int64_t>(tensors_.size());
    if (spec.norm_before()) norm("attention_norm");
    linear("attention.q", "attention.qkv", attention.query_width(), plan_.hidden, Split::kQueryHeads,
           attention.qkv_bias);
    linear("attention.k", "attention.qkv", attention.kv_width(), plan_.hidden, Split::kKeyHeads, attention.qkv_bias);
    linear("attention.v", "attention.qkv", attention.kv_width(), plan_.hidden, Split::kKeyHeads, attention.qkv_bias);
    query_key_norms(attention);
    linear("attention.o", "attention.o", plan_.hidden, attention.query_width(), Split::kColumns, attention.o_bias);
    if (spec.norm_after()) norm("attention_post_norm");
    for (auto index = static_cast<std::size_t>(first); index < tensors_.size(); ++index) tensors_[index].heads = heads;
  }

  void query_key_norms(const AttentionSpec& attention) {
    const Initial start = plan_.norm.unit_offset ? Initial::kZeros : Initial::kOnes;
    if (attention.qk_norm == QkNorm::kHead) {
      for (const char* name : {"attention.q_norm.weight", "attention.k_norm.weight"}) {
        vector(name, attention.head_size, Split::kReplicated, start).partial = Partial::kAlways;
      }
    } else if (attention.qk_norm == QkNorm::kWidth) {
      vector("attention.q_norm.weight", attention.query_width(), Split::kQueryHeads, start);
      vector("attention.k_norm.weight", attention.kv_width(), Split::kKeyHeads, start);
    }
  }

  void feed_forward(const LayerSpec& spec) {
    const FeedForwardSpec& ffn = spec.feed_forward;
    const char* inner = ffn.gated ? "ffn.gate_up" : "ffn.up";
    if (spec.norm_before()) norm("ffn_norm");
    if (ffn.gated) linear("ffn.gate", inner, ffn.width, plan_.hidden, Split::kRows, ffn.bias);
    linear("ffn.up", inner, ffn.width, plan_.hidden, Split::kRows, ffn.bias);
    linear("ffn.down", "ffn.down", plan_.hidden, ffn.width, Split::kColumns, ffn.bias);
    if (spec.norm_after()) norm("ffn_post_norm");
  }

  /// Nothing trains it yet, so its values stay: a gradient of zero changes nothing, but weight decay would.
  void pooler() {
    matrix("pooler.weight", plan_.hidden, plan_.hidden, Split::kReplicated).decay = false;
    vector("pooler.bias", plan_.hidden, Split::kReplicated, Initial::kZeros);
  }

  LogicalTensor& add(const std::string& name, topology::Shape shape, Split split) {
    LogicalTensor& tensor = tensors_.emplace_back();
    tensor.name = prefix_ + name;
    tensor.block = tensor.name;
    tensor.shape = std::move(shape);
    tensor.split = split;
    tensor.place = place_;
    tensor.layer = layer_;
    return tensor;
  }

  LogicalTensor& matrix(const std::string& name, std::int64_t rows, std::int64_t columns, Split split) {
    LogicalTensor& tensor = add(name, {rows, columns}, split);
    tensor.deviation = plan_.init_std;
    tensor.decay = true;
    return tensor;
  }

  LogicalTensor& vector(const std::string& name, std::int64_t size, Split split, Initial initial) {
    LogicalTensor& tensor = add(name, {size}, split);
    tensor.initial = initial;
    return tensor;
  }

  void norm(const std::string& name) {
    const Initial start = plan_.norm.unit_offset ? Initial::kZeros : Initial::kOnes;
    vector(name + ".weight", plan_.hidden, Split::kReplicated, start).partial = Partial::kSequence;
    if (plan_.norm.bias) {
      vector(name + ".bias", plan_.hidden, Split::kReplicated, Initial::kZeros).partial = Partial::kSequence;
    }
  }

  void linear(const std::string& name, const std::string& block, std::int64_t outputs, std::int64_t inputs, Split split,
              bool bias) {
    const bool row_parallel = split == Split::kColumns;
    LogicalTensor& weight = matrix(name + ".weight", outputs, inputs, split);
    weight.block = prefix_ + block + ".weight";
    if (row_parallel) weight.deviation = residual_deviation_;
    if (!bias) return;
    LogicalTensor& added = vector(name + ".bias", outputs, row_parallel ? Split::kReplicated : split, Initial::kZeros);
    added.block = prefix_ + block + ".bias";
    if (row_parallel) added.partial = Partial::kSequence;
  }

  const ModelPlan& plan_;
  double residual_deviation_;
  Place place_ = Place::kEmbedding;
  std::int64_t layer_ = -1;
  std::string prefix_;
  std::vector<LogicalTensor> tensors_;
};

}  // namespace

Heads heads_of(const AttentionSpec& attention) { return {attention.heads, attention.kv_heads, attention.head_size}; }

bool is_layer_matrix(const LogicalTensor& tensor) { return tensor.place == Place::kLayer && tensor.shape.size() == 2; }

std::vector<LogicalTensor> logical_tensors(const ModelPlan& plan) {
  Lister lister(plan);
  lister.embedding();
  for (std::int64_t layer = 0; layer < plan.layer_count(); ++layer) lister.layer(layer);
  lister.head();
  return lister.take();
}

}  // namespace trireme::spec
