// One half of a layer as the residual stream sees it: the norms around a branch f (attention or feed-forward), dropout,
// and the addition.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/parallel/parameters.hpp"
#include "models/spec/plan.hpp"
#include "models/transformer/norm.hpp"
#include "models/transformer/pass.hpp"

namespace trireme::transformer {

/// What one half keeps for its backward. T' is T / tp with sequence parallel, else T.
struct ResidualActivations {
  at::Tensor input_TBD;       ///< (T', B, D)
  kernels::NormForward norm;  ///< in front of the branch; without its output
  at::Tensor post_input_TBD;  ///< what the norm behind the branch read; undefined without one
  kernels::NormForward post_norm;
};

/// What keys the dropout of one half.
struct DropoutSite {
  double probability = 0;
  std::uint64_t seed = 0;
  std::int64_t layer = 0;
  int site = 0;
};

/// Computes, by spec::NormPlace, with s the residual scale and dropout d:
///   kBefore  x + s d(f(norm x))                    kAround         x + s d(post_norm(f(norm x)))
///   kAfterBranch  x + s d(post_norm(f(x)))         kAfterResidual  post_norm(x + s d(f(x)))
class Residual {
 public:
  Residual() = default;
  /// Finds the norms `name`_norm and `name`_post_norm, as far as the layer has them.
  Residual(const spec::LayerSpec& layer, const spec::NormSpec& norm, const DropoutSite& dropout,
           parallel::ParameterStore& parameters, const std::string& name);

  /// Returns the branch's input. `kept.input_TBD` must be set; fills in `kept.norm`.
  at::Tensor enter(ResidualActivations& kept) const;
  /// Takes the branch's result (T', B, D), without its bias, which may be undefined, and overwrites it. Returns the
  /// stream behind this half, and fills in what is kept of the norm behind the branch.
  at::Tensor leave(at::Tensor branch, const at::Tensor& bias, const Pass& pass, ResidualActivations& kept) const;

  /// Whether leave_backward() reads what leave() kept.
  bool keeps_branch() const { return place_ != spec::NormPlace::kBefore; }

  struct Gradients {
    at::Tensor branch;  ///< of the branch's result and of its bias; nobody may write to it
    at::Tensor stream;  ///< what goes past the branch; nobody may write to it
  };
  Gradients leave_backward(const at::Tensor& grad, const Pass& pass, ResidualActivations& kept) const;
  /// Takes the gradient of enter()'s result, in memory of its own, and what goes past the branch. Returns the gradient
  /// of the half's input.
  at::Tensor enter_backward(at::Tensor grad, const at::Tensor& stream, const ResidualActivations& kept) const;

 private:
  at::Tensor add(at::Tensor branch, const at::Tensor& bias, const at::Tensor& residual, const Pass& pass) const;
  at::Tensor add_backward(const at::Tensor& grad, const Pass& pass) const;
  kernels::DropoutKey dropout_key(const Pass& pass, std::int64_t local_length) const;

  spec::NormPlace place_ = spec::NormPlace::kBefore;
  bool norm_before_ = true;
  double scale_ = 1;
  DropoutSite dropout_;
  Norm norm_;
  Norm post_norm_;
};

}  // namespace trireme::transformer
