// What the attention kernels work on: the query heads that one key/value head serves, in one sequence. Scores are held
// for one block of queries and keys at a time (Dao et al., "FlashAttention", 2022, and "FlashAttention-2", 2023).
#pragma once

#include <cstdint>

namespace trireme::kernels::cpu {

/// Queries are the last `queries` of `keys` positions. The query at position p sees the keys up to p (causal) or all,
/// of them only the last `window` (0: all), and only those of its own document.
struct AttentionShape {
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  std::int64_t head_size = 0;
  double scale = 1.0;
  bool causal = true;
  std::int64_t window = 0;               ///< causal only
  double soft_cap = 0.0;                 ///< scores become cap * tanh(score / cap); 0: they stay
  const std::int32_t* starts = nullptr;  ///< for each position the first one of its document; null: one document
  std::int64_t query_stride = 0;         ///< elements from one position to the next, of queries and their gradient
  std::int64_t kv_stride = 0;            ///< of keys and values
  std::int64_t kv_grad_stride = 0;       ///< of their gradients
  std::int64_t output_stride = 0;        ///< of the output and its gradient
};

/// One query head. Pointers are to its elements at the first query; log_sum_exp is wide and dense.
struct AttentionHead {
  const void* query = nullptr;
  void* output = nullptr;
  void* log_sum_exp = nullptr;  ///< null: it is not wanted
  const void* output_grad = nullptr;
  void* query_grad = nullptr;
};

/// The key/value head, at the first key. The gradients are of the query heads given; where others add to them, they are
/// wanted in the wide type, to be rounded after the sum.
struct AttentionKeyValue {
  const void* key = nullptr;
  const void* value = nullptr;
  void* key_grad = nullptr;
  void* value_grad = nullptr;
  bool wide_grads = false;
};

/// Queries of one block. Only whole blocks may be given to different threads.
constexpr std::int64_t kAttentionQueries = 64;

}  // namespace trireme::kernels::cpu
