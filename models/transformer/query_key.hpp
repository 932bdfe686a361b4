// Norms of queries and keys inside fused rows, and their rotation: from a layer's projection to what attention takes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/attention/setting.hpp"
#include "models/kernels/qk_norm.hpp"
#include "models/parallel/parameters.hpp"
#include "models/parallel/tensor_comm.hpp"
#include "models/spec/plan.hpp"
#include "models/transformer/rotary.hpp"

namespace trireme::transformer {

/// What the norms keep of a pass.
struct QueryKeyActivations {
  at::Tensor query_rstd;
  at::Tensor key_rstd;
};

class QueryKey {
 public:
  QueryKey() = default;
  /// The part of tp rank `tp_rank` of `tp`; `name` is the layer's "layers.<i>.attention". `norm` gives eps and offset.
  QueryKey(const spec::AttentionSpec& attention, const spec::NormSpec& norm, const attention::Setting& setting,
           int tp_rank, int tp, parallel::ParameterStore& parameters, const std::string& name);

  /// Whether prepare() writes to a copy, so that backward needs the projection as well.
  bool copies() const { return kind_ != spec::QkNorm::kNone; }

  /// Returns the rows (T, B, …) normed and rotated by the tables: `qkv` itself, in place, or a copy. All tp ranks call
  /// it together when the norm runs over the width, unless `kept` is of an earlier call for the same rows.
  at::Tensor prepare(const at::Tensor& qkv, const RotaryTables& rotary, const parallel::TensorGroup& group,
                     QueryKeyActivations& kept) const;
  /// Overwrites `grad`, the gradient of what prepare() returned, by the gradient of the projection `qkv`, and adds to
  /// the gradients of the norms' weights.
  void backward(at::Tensor& grad, const at::Tensor& qkv, const RotaryTables& rotary, const parallel::TensorGroup& group,
                const QueryKeyActivations& kept) const;

 private:
  /// The heads of the queries, or of the keys.
  struct Part {
    kernels::Columns columns;
    kernels::Columns owned;
    std::int64_t width = 0;  ///< columns of all tp ranks
    parallel::Block* weight = nullptr;
  };
  at::Tensor norm(const at::Tensor& qkv, const Part& part, const parallel::TensorGroup& group, at::Tensor rstd,
                  at::Tensor& y) const;
  void norm_backward(at::Tensor& grad, const at::Tensor& qkv, const Part& part, const parallel::TensorGroup& group,
                     const at::Tensor& rstd) const;
  void rotate(at::Tensor& qkv, const RotaryTables& rotary, bool inverse) const;

  spec::QkNorm kind_ = spec::QkNorm::kNone;
  spec::NormSpec norm_;
  std::int64_t heads_ = 0;  ///< of queries and keys together
  std::int64_t head_size_ = 0;
  Part query_;
  Part key_;
};

}  // namespace trireme::transformer
