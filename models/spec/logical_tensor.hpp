// The model's tensors as its paper describes them (unsplit, unpadded, unfused, global layer index), and which box of
// each a tensor-parallel rank holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/topology/box.hpp"
#include "models/spec/config.hpp"

namespace trireme::spec {

/// How a tensor is divided over tp ranks.
enum class Split {
  kReplicated,  ///< every rank holds all of it
  kRows,        ///< dim 0 in parts [n*r/tp, n*(r+1)/tp), equal where tp divides n (column-parallel linear: outputs)
  kColumns,     ///< dim 1 in parts [n*r/tp, n*(r+1)/tp) (row-parallel linear: input features)
  kVocabulary,  ///< dim 0 in parts of ceil(vocab / tp) rows, the last ones shorter or empty
  kQueryHeads,  ///< dim 0 by whole query heads
  kKeyHeads,    ///< dim 0 by whole key/value heads: the heads that this rank's query heads read; may overlap
};

/// Where a tensor lives in the pipeline.
enum class Place { kEmbedding, kLayer, kHead };

enum class Initial { kNormal, kNormalResidual, kZeros, kOnes };

struct LogicalTensor {
  std::string name;  ///< e.g. "layers.3.attention.q.weight"
  topology::Shape shape;
  Split split = Split::kReplicated;
  Place place = Place::kLayer;
  std::int64_t layer = -1;  ///< global layer index, -1 outside layers
  Initial initial = Initial::kNormal;
  bool decay = false;  ///< whether weight decay applies (matrices only)
  /// True for norms, position embeddings and biases of row-parallel linears: with sequence parallel every tp rank sees
  /// only its part of the sequence, so the gradient of this (replicated) tensor is a partial sum that must be added
  /// over tp.
  bool sequence_partial = false;
};

// Names (all weights (out, in) as in the papers; vectors (n)):
//   embed.tokens (vocab, hidden)            embed.positions (sequence, hidden)          gpt2 only
//   layers.<i>.attention_norm.weight|bias   layers.<i>.attention.{q,k,v,o}.weight|bias  biases gpt2 only
//   layers.<i>.ffn_norm.weight|bias         layers.<i>.ffn.{up,down}.weight|bias, layers.<i>.ffn.gate.weight (llama)
//   final_norm.weight|bias                  head.weight (vocab, hidden), only when not tied
// A tied head has no tensor of its own: it uses embed.tokens.

/// Lists all tensors in the order of the forward pass.
std::vector<LogicalTensor> logical_tensors(const ModelConfig& config);

/// The box of `tensor` that tp rank `tp_rank` of `tp` holds; may be empty (vocabulary smaller than tp).
topology::Box box_of(const LogicalTensor& tensor, const ModelConfig& config, int tp_rank, int tp);

/// The part of box_of() that this rank owns: each element of the tensor is owned by exactly one tp rank (the lowest
/// that holds it), so that norms and checkpoints count it once. May be empty.
topology::Box owned_box(const LogicalTensor& tensor, const ModelConfig& config, int tp_rank, int tp);

/// Global key/value heads [first, first + count) that the query heads of `tp_rank` read.
/// Query head h reads kv head h * kv_heads / heads. tp must divide heads. Example: 12 heads, 4 kv heads, tp 3:
/// rank 1's query heads 4..7 read kv heads 1 and 2, of which rank 0 holds 1 too and owns it.
struct HeadRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
HeadRange key_heads(const ModelConfig& config, int tp_rank, int tp);

}  // namespace trireme::spec
