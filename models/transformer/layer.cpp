#include "models/transformer/layer.hpp"

#include <utility>

#include "base/error.hpp"

namespace trireme::transformer {
namespace {

constexpr int kAttentionSite = 1;
constexpr int kFfnSite = 2;

at::Tensor starts_of(const Pass& pass) { return pass.documents ? pass.documents->starts_BT : at::Tensor(); }

}  // namespace

Layer::Layer(const LayerSetting& setting, parallel::ParameterStore& parameters, std::int64_t index)
    : setting_(setting),
      spec_(setting.plan.layers[static_cast<std::size_t>(index)]),
      heads_(attention::rank_setting(spec_.attention, setting.tp_rank, setting.tp, parameters.flat_values().device())) {
  using parallel::LinearSplit;
  const std::string at = base::str("layers.", index, ".");
  const spec::ModelPlan& plan = setting.plan;
  const auto half = [&](const char* name, int site) {
    return Residual(spec_, plan.norm, {plan.dropout, setting.seed, index, site}, parameters, at + name);
  };
  attention_half_ = half("attention", kAttentionSite);
  ffn_half_ = half("ffn", kFfnSite);
  query_key_ = QueryKey(spec_.attention, plan.norm, heads_, setting.tp_rank, setting.tp, parameters, at + "attention");
  qkv_ = parallel::Linear(LinearSplit::kColumn, parameters, at + "attention.qkv");
  o_ = parallel::Linear(LinearSplit::kRow, parameters, at + "attention.o");
  up_ = parallel::Linear(LinearSplit::kColumn, parameters, at + (spec_.feed_forward.gated ? "ffn.gate_up" : "ffn.up"));
  down_ = parallel::Linear(LinearSplit::kRow, parameters, at + "ffn.down");
}

at::Tensor Layer::forward(const at::Tensor& x_TBD, const Pass& pass, LayerActivations& a) const {
  a.attention_half.input_TBD = x_TBD;
  attend(pass, a);
  a.ffn_half.input_TBD = attention_output(pass, a);
  feed_forward(pass, a);
  return ffn_output(pass, a);
}

void Layer::drop(LayerActivations& a, Recompute recompute) {
  if (recompute == Recompute::kNone) return;
  if (recompute == Recompute::kFull) {
    LayerActivations kept;
    kept.attention_half.input_TBD = a.attention_half.input_TBD;
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
  if (!a.qkv.defined()) compute_again(pass, a);
  const at::Tensor middle_grad = ffn_backward(grad_TBD, pass, a, gradients);
  return attention_backward(middle_grad, pass, a, gradients);
}

void Layer::compute_again(const Pass& pass, LayerActivations& a) const {
  attend(pass, a);
  a.ffn_half.input_TBD = attention_output(pass, a);
  feed_forward(pass, a);
  if (ffn_half_.keeps_branch()) ffn_output(pass, a);
}

// ---- Attention ----

void Layer::attend(const Pass& pass, LayerActivations& a) const {
  a.attention_input = qkv_.enter(attention_half_.enter(a.attention_half), pass.group);
  a.qkv = project_qkv(a.attention_input, pass);
  const at::Tensor rows = prepare(a.qkv, pass, a.query_key);
  a.attention = attention::forward(rows, heads_, starts_of(pass));
}

at::Tensor Layer::attention_output(const Pass& pass, LayerActivations& a) const {
  return attention_half_.leave(o_.forward(a.attention.output_TBD, pass.group, pass.rows_apart), o_.bias().tensor(),
                               pass, a.attention_half);
}

at::Tensor Layer::attention_backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a,
                                     parallel::GradientSink& gradients) const {
  Residual::Gradients grads = attention_half_.leave_backward(grad_TBD, pass, a.attention_half);
  at::Tensor rows = query_key_.copies() ? prepare(a.qkv, pass, a.query_key) : a.qkv;
  if (!a.attention.output_TBD.defined()) a.attention = attention::forward(rows, heads_, starts_of(pass));
  at::Tensor grad = o_.backward(std::exchange(grads.branch, {}), a.attention.output_TBD, pass.group, gradients);
  grad = attention::backward(grad, rows, a.attention, heads_, starts_of(pass));
  a.attention = {};
  rows.reset();
  query_key_.backward(grad, a.qkv, rotary(pass), pass.group, a.query_key);
  a.qkv.reset();
  if (!a.attention_input.defined()) a.attention_input = qkv_.enter(attention_half_.enter(a.attention_half), pass.group);
  grad = qkv_.backward(grad, std::move(a.attention_input), pass.group, gradients);
  grad = attention_half_.enter_backward(std::move(grad), grads.stream, a.attention_half);
  a = {};
  return grad;
}

at::Tensor Layer::project_qkv(const at::Tensor& input, const Pass& pass) const {
  at::Tensor qkv = qkv_.forward(input, pass.group, pass.rows_apart);
  if (const parallel::ValueLease bias = qkv_.bias(); bias.tensor().defined()) kernels::add(qkv, {}, bias.tensor());
  return qkv;
}

RotaryTables Layer::rotary(const Pass& pass) const {
  return (pass.documents ? pass.documents->rotary : setting_.rotary).tables(spec_.attention);
}

at::Tensor Layer::prepare(const at::Tensor& qkv, const Pass& pass, QueryKeyActivations& kept) const {
  return query_key_.prepare(qkv, rotary(pass), pass.group, kept);
}

// ---- Feed-forward ----

void Layer::feed_forward(const Pass& pass, LayerActivations& a) const {
  a.ffn_input = up_.enter(ffn_half_.enter(a.ffn_half), pass.group);
  a.hidden = up_.forward(a.ffn_input, pass.group, pass.rows_apart);
  a.activated =
      kernels::activate(a.hidden, up_.bias().tensor(), spec_.feed_forward.activation, spec_.feed_forward.gated);
}

at::Tensor Layer::ffn_output(const Pass& pass, LayerActivations& a) const {
  return ffn_half_.leave(down_.forward(a.activated, pass.group, pass.rows_apart), down_.bias().tensor(), pass,
                         a.ffn_half);
}

at::Tensor Layer::ffn_backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& a,
                               parallel::GradientSink& gradients) const {
  const spec::FeedForwardSpec& spec = spec_.feed_forward;
  Residual::Gradients grads = ffn_half_.leave_backward(grad_TBD, pass, a.ffn_half);
  // `hidden` holds the bias already.
  if (!a.activated.defined()) a.activated = kernels::activate(a.hidden, {}, spec.activation, spec.gated);
  at::Tensor grad = down_.backward(std::exchange(grads.branch, {}), std::move(a.activated), pass.group, gradients);
  grad = kernels::activate_backward(std::move(grad), a.hidden, spec.activation, spec.gated);
  a.hidden.reset();
  if (!a.ffn_input.defined()) a.ffn_input = up_.enter(ffn_half_.enter(a.ffn_half), pass.group);
  grad = up_.backward(grad, std::move(a.ffn_input), pass.group, gradients);
  grad = ffn_half_.enter_backward(std::move(grad), grads.stream, a.ffn_half);
  a.ffn_half = {};
  return grad;
}

// ---- Inference ----

at::Tensor Layer::infer(const at::Tensor& x_N1D, const Pass& pass, const RotaryCache& rotary,
                        const std::vector<CachedRows>& sequences) const {
  LayerActivations a;
  a.attention_half.input_TBD = x_N1D;
  a.qkv = project_qkv(attention_half_.enter(a.attention_half), pass);
  const at::Tensor rows = query_key_.prepare(a.qkv, rotary.tables(spec_.attention), pass.group, a.query_key).squeeze(1);
  std::vector<attention::CachedSequence> cached;
  const std::int64_t q = heads_.query_width(), kv = heads_.kv_width();
  std::int64_t first = 0;
  for (const CachedRows& sequence : sequences) {
    const at::Tensor fresh = rows.narrow(0, first, sequence.count);
    sequence.keys.narrow(0, sequence.past, sequence.count).copy_(fresh.narrow(1, q, kv));
    sequence.values.narrow(0, sequence.past, sequence.count).copy_(fresh.narrow(1, q + kv, kv));
    const std::int64_t positions = sequence.past + sequence.count;
    cached.push_back(
        {first, sequence.count, sequence.keys.narrow(0, 0, positions), sequence.values.narrow(0, 0, positions)});
    first += sequence.count;
  }
  a.attention.output_TBD = attention::cached(rows, cached, heads_).unsqueeze(1);
  a.ffn_half.input_TBD = attention_output(pass, a);
  feed_forward(pass, a);
  return ffn_output(pass, a);
}

}  // namespace trireme::transformer
