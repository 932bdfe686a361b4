#include "models/transformer/head.hpp"

#include <ATen/ops/zeros.h>

#include <utility>

#include "base/error.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::transformer {

Head::Head(const spec::ModelPlan& plan, const parallel::VocabularyPart& part, parallel::ParameterStore& parameters)
    : plan_(plan), part_(part) {
  if (plan.final_norm) final_norm_ = Norm(parameters, "final_norm", plan.norm);
  if (plan.pooler) pooler_ = parallel::Linear(parallel::LinearSplit::kColumn, parameters, "pooler");
  if (!plan.head.present) return;
  output_.emplace(parallel::OutputHead{parameters.block(plan.head.tied ? "embed.tokens" : "head.weight"),
                                       plan.head.bias ? &parameters.block("head.bias") : nullptr,
                                       {plan.head.scale, plan.head.soft_cap}});
  if (!plan.head.transform) return;
  transform_ = parallel::Linear(parallel::LinearSplit::kColumn, parameters, "head.transform");
  transform_norm_ = Norm(parameters, "head.transform_norm", plan.norm);
}

at::Tensor Head::hidden(const at::Tensor& x) const {
  return plan_.final_norm ? final_norm_.forward(x.contiguous()).output : x;
}

at::Tensor Head::pooled(const at::Tensor& first_BD) const {
  if (!plan_.pooler) {
    throw base::InputError("the model has no pooler (model.pooler = false): take the hidden states themselves");
  }
  at::Tensor pooled = pooler_.forward(first_BD.contiguous(), {});
  if (const parallel::ValueLease bias = pooler_.bias(); bias.tensor().defined()) {
    kernels::add(pooled, {}, bias.tensor());
  }
  return pooled.tanh_();
}

const parallel::OutputHead& Head::output() const {
  if (!output_) {
    throw base::InputError(
        "the model has no output head (model.lm_head = false): it gives hidden states, but neither losses nor tokens");
  }
  return *output_;
}

at::Tensor Head::forward(const at::Tensor& x, Kept& kept, bool rows_apart) const {
  at::Tensor y = x;
  if (plan_.final_norm) {
    kept.final_norm = final_norm_.forward(x);
    y = std::move(kept.final_norm.output);
  }
  if (!plan_.head.transform) return y;
  kept.transform_input = y;
  kept.hidden = transform_.forward(y, {}, rows_apart);
  kept.activated = kernels::activate(kept.hidden, transform_.bias().tensor(), plan_.head.activation, false);
  kept.transform_norm = transform_norm_.forward(kept.activated);
  return std::move(kept.transform_norm.output);
}

at::Tensor Head::backward(at::Tensor grad, const at::Tensor& x, Kept& kept) const {
  if (plan_.head.transform) {
    grad = transform_norm_.backward(grad, kept.activated, kept.transform_norm);
    grad = kernels::activate_backward(std::move(grad), kept.hidden, plan_.head.activation, false);
    parallel::ImmediateGradients gradients;
    grad = transform_.backward(grad, std::move(kept.transform_input), {}, gradients);
  }
  return plan_.final_norm ? final_norm_.backward(grad, x, kept.final_norm) : grad;
}

at::Tensor Head::loss_with_gradients(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const Pass& pass,
                                     double loss_scale, at::Tensor& grad) const {
  Kept kept;
  const at::Tensor complete = pass.group.enter(forward(x_TBD, kept));
  parallel::HeadLoss loss = parallel::head_loss(complete, targets_TB, output(), part_, pass.group, loss_scale, true);
  grad = backward(pass.group.leave(std::move(loss.input_grad)), x_TBD, kept);
  return loss.loss_sum;
}

at::Tensor Head::loss(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const Pass& pass,
                      double loss_scale) const {
  Kept unused;
  const at::Tensor complete = pass.group.enter(forward(x_TBD, unused));
  return parallel::head_loss(complete, targets_TB, output(), part_, pass.group, loss_scale, false).loss_sum;
}

parallel::HeadScores Head::scores(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const Pass& pass) const {
  Kept unused;
  const at::Tensor complete = pass.group.enter(forward(x_TBD, unused));
  return parallel::head_scores(complete, targets_TB, output(), part_, pass.group);
}

at::Tensor Head::logits(const at::Tensor& x_TBD, const Pass& pass) const {
  Kept unused;
  return parallel::head_logits(pass.group.enter(forward(x_TBD, unused)), output());
}

at::Tensor Head::complete_logits(const at::Tensor& x_BD, const parallel::TensorGroup& group) const {
  Kept unused;
  const at::Tensor mine = parallel::head_logits(forward(x_BD.contiguous(), unused, true), output(), true);
  if (group.size() == 1) return mine;
  const std::int64_t widest = (part_.total + group.size() - 1) / group.size();
  at::Tensor padded = at::zeros({1, mine.size(0), widest}, mine.options());
  padded.select(0, 0).narrow(1, 0, mine.size(1)).copy_(mine);
  const at::Tensor all = parallel::all_gather(*group.comm, padded);
  return all.permute({1, 0, 2}).flatten(1, 2).narrow(1, 0, part_.total).contiguous();
}

}  // namespace trireme::transformer
