#include "models/spec/logical_tensor.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::spec {
namespace {

struct Range {
  std::int64_t first = 0;
  std::int64_t last = 0;  // one past the end
};

LogicalTensor matrix(std::string name, std::int64_t rows, std::int64_t columns, Split split, Place place,
                     Initial initial = Initial::kNormal) {
  LogicalTensor tensor;
  tensor.name = std::move(name);
  tensor.shape = {rows, columns};
  tensor.split = split;
  tensor.place = place;
  tensor.initial = initial;
  tensor.decay = true;
  return tensor;
}

LogicalTensor vector(std::string name, std::int64_t size, Split split, Place place, Initial initial,
                     bool sequence_partial) {
  LogicalTensor tensor;
  tensor.name = std::move(name);
  tensor.shape = {size};
  tensor.split = split;
  tensor.place = place;
  tensor.initial = initial;
  tensor.sequence_partial = sequence_partial;
  return tensor;
}

void add_norm(std::vector<LogicalTensor>& tensors, const ModelConfig& config, const std::string& name, Place place) {
  tensors.push_back(vector(name + ".weight", config.hidden, Split::kReplicated, place, Initial::kOnes, true));
  if (config.arch == Architecture::kGpt2) {
    tensors.push_back(vector(name + ".bias", config.hidden, Split::kReplicated, place, Initial::kZeros, true));
  }
}

void add_linear(std::vector<LogicalTensor>& tensors, const ModelConfig& config, const std::string& name,
                std::int64_t outputs, std::int64_t inputs, Split split) {
  const bool row_parallel = split == Split::kColumns;
  tensors.push_back(matrix(name + ".weight", outputs, inputs, split, Place::kLayer,
                           row_parallel ? Initial::kNormalResidual : Initial::kNormal));
  if (config.arch == Architecture::kGpt2) {
    const Split bias_split = row_parallel ? Split::kReplicated : split;
    tensors.push_back(vector(name + ".bias", outputs, bias_split, Place::kLayer, Initial::kZeros, row_parallel));
  }
}

std::vector<LogicalTensor> layer_tensors(const ModelConfig& config, std::int64_t layer) {
  const std::string prefix = base::str("layers.", layer, ".");
  const std::int64_t hidden = config.hidden;
  const std::int64_t key_width = config.kv_heads * config.head_size();
  std::vector<LogicalTensor> tensors;
  add_norm(tensors, config, prefix + "attention_norm", Place::kLayer);
  add_linear(tensors, config, prefix + "attention.q", hidden, hidden, Split::kQueryHeads);
  add_linear(tensors, config, prefix + "attention.k", key_width, hidden, Split::kKeyHeads);
  add_linear(tensors, config, prefix + "attention.v", key_width, hidden, Split::kKeyHeads);
  add_linear(tensors, config, prefix + "attention.o", hidden, hidden, Split::kColumns);
  add_norm(tensors, config, prefix + "ffn_norm", Place::kLayer);
  if (config.arch == Architecture::kLlama) {
    add_linear(tensors, config, prefix + "ffn.gate", config.ffn, hidden, Split::kRows);
  }
  add_linear(tensors, config, prefix + "ffn.up", config.ffn, hidden, Split::kRows);
  add_linear(tensors, config, prefix + "ffn.down", hidden, config.ffn, Split::kColumns);
  for (LogicalTensor& tensor : tensors) tensor.layer = layer;
  return tensors;
}

Range part_of(std::int64_t size, int rank, int count) { return {size * rank / count, size * (rank + 1) / count}; }

Range vocabulary_part(std::int64_t vocab, int rank, int count) {
  const std::int64_t rows = (vocab + count - 1) / count;
  return {std::min(vocab, rows * rank), std::min(vocab, rows * (rank + 1))};
}

Range held_along_split(const LogicalTensor& tensor, const ModelConfig& config, int rank, int count) {
  switch (tensor.split) {
    case Split::kRows: return part_of(tensor.shape[0], rank, count);
    case Split::kColumns: return part_of(tensor.shape[1], rank, count);
    case Split::kVocabulary: return vocabulary_part(tensor.shape[0], rank, count);
    case Split::kQueryHeads: {
      const Range heads = part_of(config.heads, rank, count);
      return {heads.first * config.head_size(), heads.last * config.head_size()};
    }
    case Split::kKeyHeads: {
      const HeadRange heads = key_heads(config, rank, count);
      return {heads.first * config.head_size(), (heads.first + heads.count) * config.head_size()};
    }
    case Split::kReplicated: break;
  }
  return {0, tensor.shape[0]};
}

topology::Box narrowed(const LogicalTensor& tensor, Range range) {
  topology::Box box = topology::whole(tensor.shape);
  const std::size_t dim = tensor.split == Split::kColumns ? 1 : 0;
  box.offset[dim] = range.first;
  box.size[dim] = range.last - range.first;
  return box;
}

}  // namespace

std::vector<LogicalTensor> logical_tensors(const ModelConfig& config) {
  const bool gpt2 = config.arch == Architecture::kGpt2;
  std::vector<LogicalTensor> tensors;
  tensors.push_back(matrix("embed.tokens", config.vocab, config.hidden, Split::kVocabulary, Place::kEmbedding));
  if (gpt2) {
    tensors.push_back(matrix("embed.positions", config.sequence, config.hidden, Split::kReplicated, Place::kEmbedding));
    tensors.back().sequence_partial = true;
  }
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (LogicalTensor& tensor : layer_tensors(config, layer)) tensors.push_back(std::move(tensor));
  }
  add_norm(tensors, config, "final_norm", Place::kHead);
  if (!config.tie_embeddings) {
    tensors.push_back(matrix("head.weight", config.vocab, config.hidden, Split::kVocabulary, Place::kHead));
  }
  return tensors;
}

topology::Box box_of(const LogicalTensor& tensor, const ModelConfig& config, int tp_rank, int tp) {
  return narrowed(tensor, held_along_split(tensor, config, tp_rank, tp));
}

topology::Box owned_box(const LogicalTensor& tensor, const ModelConfig& config, int tp_rank, int tp) {
  Range range = held_along_split(tensor, config, tp_rank, tp);
  if (tp_rank > 0) {
    // The held range never moves backwards as the rank grows, so an element that any lower rank holds is held by the
    // one before.
    range.first = std::max(range.first, held_along_split(tensor, config, tp_rank - 1, tp).last);
    range.last = std::max(range.first, range.last);
  }
  return narrowed(tensor, range);
}

HeadRange key_heads(const ModelConfig& config, int tp_rank, int tp) {
  const Range queries = part_of(config.heads, tp_rank, tp);
  const std::int64_t first = queries.first * config.kv_heads / config.heads;
  const std::int64_t last = (queries.last - 1) * config.kv_heads / config.heads;
  return {first, last - first + 1};
}

}  // namespace trireme::spec
