// The model's tensors as its paper describes them (unsplit, unpadded, unfused, global layer index), and which box of
// each a tensor-parallel rank holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/topology/box.hpp"
#include "models/spec/plan.hpp"

namespace trireme::spec {

/// How a tensor is divided over tp ranks.
enum class Split {
  kReplicated,  ///< every rank holds all of it
  kRows,        ///< dim 0 in parts [n*r/tp, n*(r+1)/tp), equal where tp divides n (column-parallel linear: outputs)
  kColumns,     ///< dim 1 in parts [n*r/tp, n*(r+1)/tp), equal where tp divides n (row-parallel linear: inputs)
  kVocabulary,  ///< dim 0 in parts of ceil(vocab / tp) rows, the last ones shorter or empty
  kQueryHeads,  ///< dim 0 by whole query heads
  kKeyHeads,    ///< dim 0 by whole key/value heads: the heads that this rank's query heads read; may overlap
};

/// Where a tensor lives in the pipeline.
enum class Place { kEmbedding, kLayer, kHead };

enum class Initial { kNormal, kZeros, kOnes };

/// When the gradient of a replicated tensor is, on each tp rank, a part of a sum that must be added over tp.
enum class Partial {
  kNo,
  kSequence,  ///< with sequence parallel, where a rank sees only its part of the sequence
  kAlways,    ///< a rank sees only its own heads
};

/// The heads of one layer's attention.
struct Heads {
  std::int64_t query = 0;
  std::int64_t key = 0;   ///< key/value heads; divides `query`
  std::int64_t size = 0;  ///< elements of a head

  bool operator==(const Heads&) const = default;
};
Heads heads_of(const AttentionSpec& attention);

struct LogicalTensor {
  std::string name;   ///< e.g. "layers.3.attention.q.weight"
  std::string block;  ///< the tensors that are one matrix for the arithmetic share it: "layers.3.attention.qkv.weight"
  topology::Shape shape;
  Split split = Split::kReplicated;
  Place place = Place::kLayer;
  std::int64_t layer = -1;  ///< global layer index, -1 outside layers
  Heads heads;              ///< of the layer's attention, where `split` goes by heads
  Initial initial = Initial::kNormal;
  double deviation = 0;  ///< standard deviation of normal initial values
  bool decay = false;    ///< whether weight decay applies (matrices only)
  Partial partial = Partial::kNo;
};

// Names (all weights (out, in) as in the papers; vectors (n)); what a plan lacks has no tensor:
//   embed.tokens (vocab, hidden)  embed.positions (sequence, hidden)  embed.types (token_types, hidden)  embed.norm.*
//   layers.<i>.attention_norm.*        layers.<i>.attention.{q,k,v}.*   layers.<i>.attention.{q,k}_norm.weight
//   layers.<i>.attention.o.*           layers.<i>.attention_post_norm.*
//   layers.<i>.ffn_norm.*              layers.<i>.ffn.{gate,up,down}.*  layers.<i>.ffn_post_norm.*
//   final_norm.*   pooler.*   head.transform.*   head.transform_norm.*   head.weight (vocab, hidden)   head.bias
//   (vocab)
// where * stands for weight and, if there is one, bias. A tied head has no weight of its own: it uses embed.tokens.

/// Lists all tensors in the order of the forward pass.
std::vector<LogicalTensor> logical_tensors(const ModelPlan& plan);

/// Whether `tensor` is a matrix of a layer, which Muon updates where nothing else is said. Embeddings, what belongs to
/// the head, norms and biases are not.
bool is_layer_matrix(const LogicalTensor& tensor);

/// The box of `tensor` that tp rank `tp_rank` of `tp` holds; may be empty (vocabulary smaller than tp).
topology::Box box_of(const LogicalTensor& tensor, int tp_rank, int tp);

/// The part of box_of() that this rank owns: each element of the tensor is owned by exactly one tp rank (the lowest
/// that holds it), so that norms and checkpoints count it once. May be empty.
topology::Box owned_box(const LogicalTensor& tensor, int tp_rank, int tp);

/// The vocabulary rows [first, first + count) of tp rank `tp_rank` of `tp`.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
RowRange vocabulary_rows(std::int64_t vocab, int tp_rank, int tp);

/// Global key/value heads [first, first + count) that the query heads of `tp_rank` read.
/// Query head h reads kv head h * kv_heads / heads. tp must divide heads. Example: 12 heads, 4 kv heads, tp 3:
/// rank 1's query heads 4..7 read kv heads 1 and 2, of which rank 0 holds 1 too and owns it.
struct HeadRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
HeadRange key_heads(const Heads& heads, int tp_rank, int tp);
/// The part of key_heads() that this rank owns.
HeadRange owned_key_heads(const Heads& heads, int tp_rank, int tp);
/// Whether some key/value heads are held by more than one of `tp` ranks, which then hold parts of their gradients.
bool shares_key_heads(const Heads& heads, int tp);

}  // namespace trireme::spec
