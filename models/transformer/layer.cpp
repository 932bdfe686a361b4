#include "models/transformer/layer.hpp"

#include "base/error.hpp"
#include "models/parallel/linear.hpp"

namespace trireme::transformer {
namespace {

constexpr int kAttentionSite = 1;
constexpr int kFfnSite = 2;

}  // namespace

Affine Affine::of(parallel::ParameterStore& parameters, const std::string& name) {
  Affine affine;
  affine.weight = &parameters.block(name + ".weight");
  if (parameters.has_block(name + ".bias")) affine.bias = &parameters.block(name + ".bias");
  return affine;
}

Layer::Layer(const LayerSetting& setting, parallel::ParameterStore& parameters, std::int64_t index)
    : setting_(setting), index_(index) {
  const std::string at = base::str("layers.", index, ".");
  attention_norm_ = Affine::of(parameters, at + "attention_norm");
  qkv_ = Affine::of(parameters, at + "attention.qkv");
  o_ = Affine::of(parameters, at + "attention.o");
  ffn_norm_ = Affine::of(parameters, at + "ffn_norm");
  const bool llama = setting.config.arch == spec::Architecture::kLlama;
  up_ = Affine::of(parameters, at + (llama ? "ffn.gate_up" : "ffn.up"));
  down_ = Affine::of(parameters, at + "ffn.down");
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

at::Tensor Layer::backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a) const {
  if (!a.qkv.defined()) {
    attention_half(pass, a);
    a.middle = attention_output(a, pass);
    ffn_half(pass, a);
  }
  const at::Tensor middle_grad = ffn_backward(grad_TBD, pass, a);
  return attention_half_backward(middle_grad, pass, a);
}

// ---- Pieces of the forward pass ----

void Layer::attention_half(const Pass& pass, LayerActivations& a) const {
  a.attention_norm = normalise(a.input, attention_norm_);
  a.attention_input = pass.group.enter(a.attention_norm.output);
  a.attention_norm.output.reset();
  a.qkv = project_qkv(a.attention_input, 0);
  a.attention = attention(a.qkv, setting_.heads);
}

at::Tensor Layer::attention_output(const LayerActivations& a, const Pass& pass) const {
  const at::Tensor partial = parallel::linear(a.attention.output_TBD, o_.weight->value);
  return into_residual(pass.group.leave(partial), o_, a.input, pass, kAttentionSite);
}

void Layer::ffn_half(const Pass& pass, LayerActivations& a) const {
  a.ffn_norm = normalise(a.middle, ffn_norm_);
  a.ffn_input = pass.group.enter(a.ffn_norm.output);
  a.ffn_norm.output.reset();
  a.hidden = parallel::linear(a.ffn_input, up_.weight->value);
  a.activated = activate(a.hidden, true);
}

at::Tensor Layer::activate(at::Tensor& hidden, bool add_bias) const {
  if (setting_.config.arch == spec::Architecture::kLlama) return kernels::swiglu(hidden);
  return kernels::gelu(hidden, add_bias ? up_.bias_value() : at::Tensor());
}

at::Tensor Layer::ffn_output(const LayerActivations& a, const Pass& pass) const {
  const at::Tensor partial = parallel::linear(a.activated, down_.weight->value);
  return into_residual(pass.group.leave(partial), down_, a.middle, pass, kFfnSite);
}

at::Tensor Layer::project_qkv(const at::Tensor& x, std::int64_t first_position) const {
  at::Tensor qkv = parallel::linear(x, qkv_.weight->value);
  if (qkv_.bias != nullptr) kernels::add(qkv, {}, qkv_.bias->value);
  if (setting_.rotary.cosine.defined()) {
    kernels::rotate(qkv, setting_.heads.query_heads + setting_.heads.kv_heads, setting_.rotary.cosine,
                    setting_.rotary.sine, first_position, false);
  }
  return qkv;
}

/// Computes residual + dropout(branch + bias) in the branch's memory.
at::Tensor Layer::into_residual(at::Tensor branch, const Affine& affine, const at::Tensor& residual, const Pass& pass,
                                int site) const {
  if (!pass.training || setting_.config.dropout == 0.0) {
    kernels::add(branch, residual, affine.bias_value());
    return branch;
  }
  if (affine.bias != nullptr) kernels::add(branch, {}, affine.bias->value);
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

kernels::NormForward Layer::normalise(const at::Tensor& x, const Affine& affine) const {
  return kernels::norm(x, affine.weight->value, affine.bias_value(), setting_.config.norm_eps);
}

// ---- Pieces of the backward pass ----

at::Tensor Layer::norm_backward(const at::Tensor& grad, const at::Tensor& x, const kernels::NormForward& forward,
                                const Affine& affine) const {
  const kernels::NormBackward d = kernels::norm_backward(grad, x, forward, affine.weight->value, affine.bias_value());
  parallel::add_grad(d.weight, *affine.weight);
  if (affine.bias != nullptr) parallel::add_grad(d.bias, *affine.bias);
  return d.input;
}

at::Tensor Layer::ffn_backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a) const {
  const at::Tensor branch = out_of_residual(grad_TBD, pass, kFfnSite);
  if (down_.bias != nullptr) parallel::bias_grad(branch, *down_.bias);
  const at::Tensor output_grad = pass.group.enter(branch);
  if (!a.activated.defined()) a.activated = activate(a.hidden, false);
  parallel::linear_weight_grad(output_grad, a.activated, *down_.weight);
  a.activated.reset();
  at::Tensor grad = parallel::linear_input_grad(output_grad, down_.weight->value);
  grad = setting_.config.arch == spec::Architecture::kLlama ? kernels::swiglu_backward(grad, a.hidden)
                                                            : kernels::gelu_backward(grad, a.hidden);
  a.hidden.reset();
  if (up_.bias != nullptr) parallel::bias_grad(grad, *up_.bias);
  if (!a.ffn_input.defined()) a.ffn_input = pass.group.enter(normalise(a.middle, ffn_norm_).output);
  parallel::linear_weight_grad(grad, a.ffn_input, *up_.weight);
  a.ffn_input.reset();
  grad = pass.group.leave(parallel::linear_input_grad(grad, up_.weight->value));
  grad = norm_backward(grad, a.middle, a.ffn_norm, ffn_norm_);
  kernels::add(grad, grad_TBD, {});
  a.middle.reset();
  return grad;
}

at::Tensor Layer::attention_half_backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a) const {
  const at::Tensor branch = out_of_residual(grad_TBD, pass, kAttentionSite);
  if (o_.bias != nullptr) parallel::bias_grad(branch, *o_.bias);
  const at::Tensor output_grad = pass.group.enter(branch);
  if (!a.attention.output_TBD.defined()) a.attention = attention(a.qkv, setting_.heads);
  parallel::linear_weight_grad(output_grad, a.attention.output_TBD, *o_.weight);
  at::Tensor grad = parallel::linear_input_grad(output_grad, o_.weight->value);
  grad = attention_backward(grad, a.qkv, a.attention, setting_.heads);
  a.attention = {};
  a.qkv.reset();
  if (setting_.rotary.cosine.defined()) {
    kernels::rotate(grad, setting_.heads.query_heads + setting_.heads.kv_heads, setting_.rotary.cosine,
                    setting_.rotary.sine, 0, true);
  }
  if (qkv_.bias != nullptr) parallel::bias_grad(grad, *qkv_.bias);
  if (!a.attention_input.defined()) {
    a.attention_input = pass.group.enter(normalise(a.input, attention_norm_).output);
  }
  parallel::linear_weight_grad(grad, a.attention_input, *qkv_.weight);
  a.attention_input.reset();
  grad = pass.group.leave(parallel::linear_input_grad(grad, qkv_.weight->value));
  grad = norm_backward(grad, a.input, a.attention_norm, attention_norm_);
  kernels::add(grad, grad_TBD, {});
  a = {};
  return grad;
}

// ---- Inference ----

at::Tensor Layer::infer(const at::Tensor& x_TBD, const Pass& pass, at::Tensor& keys, at::Tensor& values,
                        std::int64_t past) const {
  const std::int64_t length = x_TBD.size(0);
  LayerActivations a;
  a.input = x_TBD;
  a.attention_norm = normalise(x_TBD, attention_norm_);
  a.qkv = project_qkv(a.attention_norm.output, past);
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
