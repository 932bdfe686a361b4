// Self-attention of the heads of one rank over fused q, k, v, and its gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/attention/method.hpp"
#include "models/attention/setting.hpp"

namespace trireme::attention {

struct Forward {
  at::Tensor output_TBD;       ///< (T, B, query_width)
  at::Tensor log_sum_exp_BHT;  ///< on the CPU: natural logarithm of each query's sum of exponentials, in the wide type
  std::vector<at::Tensor> saved;  ///< on devices: what backward needs in addition
};

/// qkv_TBC: (T, B, setting.width()), contiguous, already rotated. starts_BT: int32 (B, T), contiguous, on the same
/// device; where defined, it has for each position the first one of its document, and positions see only those of their
/// own document (transformer::MicroBatch). Uses the method that fits.
Forward forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT = {});
/// Returns the gradient of qkv, with its shape. The setting and starts must be those of forward().
at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                    const Setting& setting, const at::Tensor& starts_BT = {});

/// These use a given method, which must be the same in both calls.
Forward forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT, Method method);
at::Tensor backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                    const Setting& setting, const at::Tensor& starts_BT, Method method);

/// New positions of a sequence, and all of its keys and values.
struct CachedSequence {
  std::int64_t first = 0;  ///< the row of its first new position
  std::int64_t count = 0;  ///< new positions, at least one
  at::Tensor keys;         ///< (positions, kv_width), the new ones last
  at::Tensor values;       ///< the same
};
/// Without gradients: the queries of the rows of qkv_NC (N, setting.width()), contiguous and already rotated, over the
/// keys of their sequences. Every row belongs to one sequence. Returns (N, query_width). A sequence's result has the
/// same bits whatever the other sequences are.
at::Tensor cached(const at::Tensor& qkv_NC, const std::vector<CachedSequence>& sequences, const Setting& setting);

/// How forward() computes, in words for a log, such as "flash attention".
std::string description(const Setting& setting, at::Device device, at::ScalarType type);
/// The same for a model's layers: "flash attention", or "flash attention (5 layers), … (1 layer)" where they differ.
std::string description(const spec::ModelPlan& plan, at::Device device, at::ScalarType type);

}  // namespace trireme::attention
