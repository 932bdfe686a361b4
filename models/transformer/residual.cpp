#include "models/transformer/residual.hpp"

namespace trireme::transformer {

Residual::Residual(const spec::LayerSpec& layer, const spec::NormSpec& norm, const DropoutSite& dropout,
                   parallel::ParameterStore& parameters, const std::string& name)
    : place_(layer.norm_place), norm_before_(layer.norm_before()), scale_(layer.residual_scale), dropout_(dropout) {
  if (layer.norm_before()) norm_ = Norm(parameters, name + "_norm", norm);
  if (layer.norm_after()) post_norm_ = Norm(parameters, name + "_post_norm", norm);
}

at::Tensor Residual::enter(ResidualActivations& kept) const {
  if (!norm_before_) return kept.input_TBD;
  kept.norm = norm_.forward(kept.input_TBD);
  return std::move(kept.norm.output);
}

at::Tensor Residual::leave(at::Tensor branch, const at::Tensor& bias, const Pass& pass,
                           ResidualActivations& kept) const {
  const auto behind = [&](at::Tensor input) {
    kept.post_input_TBD = std::move(input);
    kept.post_norm = post_norm_.forward(kept.post_input_TBD);
    return std::move(kept.post_norm.output);
  };
  switch (place_) {
    case spec::NormPlace::kBefore: return add(std::move(branch), bias, kept.input_TBD, pass);
    case spec::NormPlace::kAfterResidual: return behind(add(std::move(branch), bias, kept.input_TBD, pass));
    case spec::NormPlace::kAfterBranch:
    case spec::NormPlace::kAround: break;
  }
  if (bias.defined()) kernels::add(branch, {}, bias);
  return add(behind(std::move(branch)), {}, kept.input_TBD, pass);
}

Residual::Gradients Residual::leave_backward(const at::Tensor& grad, const Pass& pass,
                                             ResidualActivations& kept) const {
  const auto behind = [&](const at::Tensor& of_output) {
    at::Tensor of_input = post_norm_.backward(of_output, kept.post_input_TBD, kept.post_norm);
    kept.post_input_TBD.reset();
    return of_input;
  };
  switch (place_) {
    case spec::NormPlace::kBefore: return {add_backward(grad, pass), grad};
    case spec::NormPlace::kAfterResidual: {
      const at::Tensor stream = behind(grad);
      return {add_backward(stream, pass), stream};
    }
    case spec::NormPlace::kAfterBranch:
    case spec::NormPlace::kAround: break;
  }
  return {behind(add_backward(grad, pass)), grad};
}

at::Tensor Residual::enter_backward(at::Tensor grad, const at::Tensor& stream, const ResidualActivations& kept) const {
  if (norm_before_) grad = norm_.backward(grad, kept.input_TBD, kept.norm);
  kernels::add(grad, stream, {});
  return grad;
}

/// Computes residual + scale * dropout(branch + bias) in the branch's memory.
at::Tensor Residual::add(at::Tensor branch, const at::Tensor& bias, const at::Tensor& residual,
                         const Pass& pass) const {
  const bool drops = pass.training && dropout_.probability != 0.0;
  if (!drops && scale_ == 1) {
    kernels::add(branch, residual, bias);
    return branch;
  }
  if (bias.defined()) kernels::add(branch, {}, bias);
  if (drops) kernels::dropout(branch, dropout_key(pass, branch.size(0)), pass.samples);
  if (scale_ != 1) branch.mul_(scale_);
  kernels::add(branch, residual, {});
  return branch;
}

at::Tensor Residual::add_backward(const at::Tensor& grad, const Pass& pass) const {
  if (dropout_.probability == 0.0 && scale_ == 1) return grad;
  at::Tensor of_branch = scale_ == 1 ? grad.clone() : grad.mul(scale_);
  if (dropout_.probability != 0.0) kernels::dropout(of_branch, dropout_key(pass, grad.size(0)), pass.samples);
  return of_branch;
}

kernels::DropoutKey Residual::dropout_key(const Pass& pass, std::int64_t local_length) const {
  const std::int64_t first = pass.group.first_position(local_length * pass.group.size());
  return {dropout_.probability, dropout_.seed, pass.step, dropout_.layer, dropout_.site, first};
}

}  // namespace trireme::transformer
