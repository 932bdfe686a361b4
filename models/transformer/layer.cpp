#include "models/transformer/layer.hpp"

#include <utility>

#include "base/error.hpp"

namespace trireme::transformer {
namespace {

constexpr int kAttentionSite = 1;
constexpr int kFfnSite = 2;

}  // namespace

Layer::Layer(const LayerSetting& setting, parallel::ParameterStore& parameters, std::int64_t index)
    : setting_(setting), index_(index) {
  using parallel::LinearSplit;
  const std::string at = base::str("layers.", index, ".");
  const double eps = setting.config.norm_eps;
  const bool llama = setting.config.arch == spec::Architecture::kLlama;
  attention_norm_ = Norm(parameters, at + "attention_norm", eps);
  qkv_ = parallel::Linear(LinearSplit::kColumn, parameters, at + "attention.qkv");
  o_ = parallel::Linear(LinearSplit::kRow, parameters, at + "attention.o");
  ffn_norm_ = Norm(parameters, at + "ffn_norm", eps);
  up_ = parallel::Linear(LinearSplit::kColumn, parameters, at + (llama ? "ffn.gate_up" : "ffn.up"));
  down_ = parallel::Linear(LinearSplit::kRow, parameters, at + "ffn.down");
}

at::Tensor Layer::forward(const at::Tensor& x_TBD, const Pass& pass, LayerActivations& a) const {
  a.input = x_TBD;
  attention_half(pass, a);
  a.middle = attention_output(a, pass);
  ffn_half(pass, a);
  return ffn_output(a, pass);
}

void Layer::drop(LayerActivations& a, Recompute recompute) {
  if (recompute == Recompute::kNone) return;
  if (recompute == Recompute::kFull) {
    LayerActivations kept;
    kept.input = a.input;
    a = std::move(kept);
    return;
  }
  a.attention_input.reset();
  a.attention = {};
  a.ffn_input.reset();
  a.activated.reset();
}

at::Tensor Layer::backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a,
                           parallel::GradientSink& gradients) const {
  if (!a.qkv.defined()) {
    attention_half(pass, a);
    a.middle = attention_output(a, pass);
    ffn_half(pass, a);
  }
  const at::Tensor middle_grad = ffn_half_backward(grad_TBD, pass, a, gradients);
  return attention_half_backward(middle_grad, pass, a, gradients);
}

// ---- Attention ----

void Layer::attention_half(const Pass& pass, LayerActivations& a) const {
  a.attention_norm = attention_norm_.forward(a.input);
  a.attention_input = qkv_.enter(a.attention_norm.output, pass.group);
  a.attention_norm.output.reset();
  a.qkv = project_qkv(a.attention_input, pass, 0);
  a.attention = attention(a.qkv, setting_.heads);
}

at::Tensor Layer::attention_output(const LayerActivations& a, const Pass& pass) const {
  return into_residual(o_.forward(a.attention.output_TBD, pass.group), o_.bias(), a.input, pass, kAttentionSite);
}

at::Tensor Layer::attention_half_backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a,
                                          parallel::GradientSink& gradients) const {
  at::Tensor grad = out_of_residual(grad_TBD, pass, kAttentionSite);
  if (!a.attention.output_TBD.defined()) a.attention = attention(a.qkv, setting_.heads);
  grad = o_.backward(grad, a.attention.output_TBD, pass.group, gradients);
  grad = attention_backward(grad, a.qkv, a.attention, setting_.heads);
  a.attention = {};
  a.qkv.reset();
  rotate(grad, 0, true);
  if (!a.attention_input.defined()) {
    a.attention_input = qkv_.enter(attention_norm_.forward(a.input).output, pass.group);
  }
  grad = qkv_.backward(grad, std::move(a.attention_input), pass.group, gradients);
  grad = attention_norm_.backward(grad, a.input, a.attention_norm);
  kernels::add(grad, grad_TBD, {});
  a = {};
  return grad;
}

at::Tensor Layer::project_qkv(const at::Tensor& input, const Pass& pass, std::int64_t first_position) const {
  at::Tensor qkv = qkv_.forward(input, pass.group);
  if (const at::Tensor bias = qkv_.bias(); bias.defined()) kernels::add(qkv, {}, bias);
  rotate(qkv, first_position, false);
  return qkv;
}

void Layer::rotate(at::Tensor& qkv, std::int64_t first_position, bool inverse) const {
  if (!setting_.rotary.cosine.defined()) return;
  kernels::rotate(qkv, setting_.heads.query_heads + setting_.heads.kv_heads, setting_.rotary.cosine,
                  setting_.rotary.sine, first_position, inverse);
}

// ---- Feed-forward ----

void Layer::ffn_half(const Pass& pass, LayerActivations& a) const {
  a.ffn_norm = ffn_norm_.forward(a.middle);
  a.ffn_input = up_.enter(a.ffn_norm.output, pass.group);
  a.ffn_norm.output.reset();
  a.hidden = up_.forward(a.ffn_input, pass.group);
  a.activated = activate(a.hidden, true);
}

at::Tensor Layer::ffn_output(const LayerActivations& a, const Pass& pass) const {
  return into_residual(down_.forward(a.activated, pass.group), down_.bias(), a.middle, pass, kFfnSite);
}

at::Tensor Layer::ffn_half_backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a,
                                    parallel::GradientSink& gradients) const {
  at::Tensor grad = out_of_residual(grad_TBD, pass, kFfnSite);
  if (!a.activated.defined()) a.activated = activate(a.hidden, false);
  grad = down_.backward(grad, std::move(a.activated), pass.group, gradients);
  grad = activation_backward(std::move(grad), a.hidden);
  a.hidden.reset();
  if (!a.ffn_input.defined()) a.ffn_input = up_.enter(ffn_norm_.forward(a.middle).output, pass.group);
  grad = up_.backward(grad, std::move(a.ffn_input), pass.group, gradients);
  grad = ffn_norm_.backward(grad, a.middle, a.ffn_norm);
  kernels::add(grad, grad_TBD, {});
  a.middle.reset();
  return grad;
}

/// GELU adds the bias to `hidden` in its place, once: what is computed again has it already.
at::Tensor Layer::activate(at::Tensor& hidden, bool add_bias) const {
  if (setting_.config.arch == spec::Architecture::kLlama) return kernels::swiglu(hidden);
  return kernels::gelu(hidden, add_bias ? up_.bias() : at::Tensor());
}

at::Tensor Layer::activation_backward(at::Tensor grad, const at::Tensor& hidden) const {
  if (setting_.config.arch == spec::Architecture::kLlama) return kernels::swiglu_backward(grad, hidden);
  return kernels::gelu_backward(std::move(grad), hidden);
}

// ---- The residual stream ----

/// Computes residual + dropout(branch + bias) in the branch's memory.
at::Tensor Layer::into_residual(at::Tensor branch, const at::Tensor& bias, const at::Tensor& residual, const Pass& pass,
                                int site) const {
  if (!pass.training || setting_.config.dropout == 0.0) {
    kernels::add(branch, residual, bias);
    return branch;
  }
  if (bias.defined()) kernels::add(branch, {}, bias);
  kernels::dropout(branch, dropout_key(pass, site, branch.size(0)), pass.samples);
  kernels::add(branch, residual, {});
  return branch;
}

at::Tensor Layer::out_of_residual(const at::Tensor& grad, const Pass& pass, int site) const {
  if (setting_.config.dropout == 0.0) return grad;
  at::Tensor masked = grad.clone();
  kernels::dropout(masked, dropout_key(pass, site, grad.size(0)), pass.samples);
  return masked;
}

kernels::DropoutKey Layer::dropout_key(const Pass& pass, int site, std::int64_t local_length) const {
  const std::int64_t first = pass.group.sequence ? pass.group.rank() * local_length : 0;
  return {setting_.config.dropout, setting_.seed, pass.step, index_, site, first};
}

// ---- Inference ----

at::Tensor Layer::infer(const at::Tensor& x_TBD, const Pass& pass, at::Tensor& keys, at::Tensor& values,
                        std::int64_t past) const {
  const std::int64_t length = x_TBD.size(0);
  LayerActivations a;
  a.input = x_TBD;
  a.qkv = project_qkv(qkv_.enter(attention_norm_.forward(x_TBD).output, pass.group), pass, past);
  const std::int64_t q = setting_.heads.query_width();
  const std::int64_t kv = setting_.heads.kv_width();
  keys.narrow(0, past, length).copy_(a.qkv.narrow(2, q, kv));
  values.narrow(0, past, length).copy_(a.qkv.narrow(2, q + kv, kv));
  a.attention.output_TBD = attention_cached(a.qkv, keys.narrow(0, 0, past + length), values.narrow(0, 0, past + length),
                                            past, setting_.heads);
  a.middle = attention_output(a, pass);
  ffn_half(pass, a);
  return ffn_output(a, pass);
}

}  // namespace trireme::transformer
