#include "models/transformer/embedding.hpp"

#include <c10/util/BFloat16.h>

#include "base/error.hpp"
#include "models/kernels/kernels.hpp"
#include "models/parallel/embedding.hpp"

namespace trireme::transformer {
namespace {

constexpr int kSite = 0;

/// The block `name`, where the plan has it.
parallel::Block* block_if(bool present, parallel::ParameterStore& parameters, const char* name) {
  return present ? &parameters.block(name) : nullptr;
}

/// In bf16 the factor is a bf16 number too, as in Gemma's own code: 25.25 instead of sqrt(640).
double rounded(double scale, at::ScalarType type) {
  return type == at::kBFloat16 ? static_cast<double>(c10::BFloat16(static_cast<float>(scale))) : scale;
}

}  // namespace

Embedding::Embedding(const spec::ModelPlan& plan, std::uint64_t seed, const parallel::VocabularyPart& part,
                     parallel::ParameterStore& parameters)
    : plan_(plan),
      scale_(rounded(plan.embedding.scale, parameters.flat_values().scalar_type())),
      seed_(seed),
      part_(part),
      tokens_(&parameters.block("embed.tokens")),
      positions_(block_if(plan.embedding.positions, parameters, "embed.positions")),
      types_(block_if(plan.embedding.token_types > 0, parameters, "embed.types")) {
  if (plan.embedding.norm) norm_ = Norm(parameters, "embed.norm", plan.norm);
}

kernels::DropoutKey Embedding::dropout_key(const Pass& pass, std::int64_t first_position) const {
  return {plan_.dropout, seed_, pass.step, -1, kSite, first_position};
}

at::Tensor Embedding::forward(const at::Tensor& tokens_BT, const at::Tensor& types_BT, const Pass& pass,
                              const at::Tensor& positions_TB, EmbeddingActivations* kept) const {
  if (types_BT.defined() && types_ == nullptr) {
    throw base::InputError("token types were given, and the model has none (model.token_types = 0): leave them out");
  }
  const at::Tensor rows_TB = parallel::local_rows(tokens_BT.t().contiguous(), part_.first, part_.count);
  at::Tensor x = pass.group.leave(parallel::embedding(rows_TB, tokens_->values().tensor()));
  if (scale_ != 1) x.mul_(scale_);
  const std::int64_t first = pass.group.first_position(tokens_BT.size(1));
  at::Tensor places_TB, types_TB;
  if (positions_ != nullptr) {
    const at::Tensor all_TB = positions_TB.defined() || !pass.documents ? positions_TB : pass.documents->positions_TB;
    if (all_TB.defined()) places_TB = all_TB.narrow(0, first, x.size(0)).contiguous();
    add_positions(x, places_TB, first);
  }
  if (types_BT.defined()) {
    types_TB = types_BT.t().narrow(0, first, x.size(0)).contiguous();
    x.add_(parallel::embedding(types_TB, types_->values().tensor()));
  } else if (types_ != nullptr) {
    x.add_(types_->values().tensor().select(0, 0));
  }
  kernels::NormForward norm;
  at::Tensor norm_input;
  if (plan_.embedding.norm) {
    norm_input = x;
    norm = norm_.forward(x);
    x = norm.output;
    norm.output.reset();
  }
  if (pass.training) kernels::dropout(x, dropout_key(pass, first), pass.samples);
  if (kept != nullptr) *kept = {rows_TB, types_TB, places_TB, norm_input, norm};
  return x;
}

void Embedding::add_positions(at::Tensor& x_TBD, const at::Tensor& positions_TB, std::int64_t first) const {
  const parallel::ValueLease lease = positions_->values();
  const at::Tensor& table = lease.tensor();
  if (positions_TB.defined()) {
    x_TBD.add_(table.index_select(0, positions_TB.flatten()).view(x_TBD.sizes()));
  } else {
    x_TBD.add_(table.narrow(0, first, x_TBD.size(0)).unsqueeze(1));
  }
}

void Embedding::add_positions_gradient(const at::Tensor& grad_TBD, const at::Tensor& positions_TB,
                                       std::int64_t first) const {
  if (positions_TB.defined()) {
    parallel::embedding_grad(positions_TB, grad_TBD, *positions_);
    return;
  }
  if (positions_->take_first()) positions_->grad.zero_();
  at::Tensor here = positions_->grad.narrow(0, first, grad_TBD.size(0));
  kernels::accumulate(here, grad_TBD.size(1) == 1 ? grad_TBD.select(1, 0) : grad_TBD.sum({1}));
}

void Embedding::add_types_gradient(const at::Tensor& grad_TBD, const at::Tensor& types_TB) const {
  if (types_TB.defined()) {
    parallel::embedding_grad(types_TB, grad_TBD, *types_);
    return;
  }
  if (!types_->trainable()) return;
  if (types_->take_first()) types_->grad.zero_();
  at::Tensor type = types_->grad.select(0, 0);
  kernels::column_sum(grad_TBD, type, false);
}

void Embedding::backward(at::Tensor grad, const Pass& pass, const EmbeddingActivations& kept) const {
  const std::int64_t first = pass.group.first_position(kept.rows_TB.size(0));
  kernels::dropout(grad, dropout_key(pass, first), pass.samples);
  if (plan_.embedding.norm) grad = norm_.backward(grad, kept.norm_input_TBD, kept.norm);
  if (types_ != nullptr) add_types_gradient(grad, kept.types_TB);
  if (positions_ != nullptr && positions_->trainable()) add_positions_gradient(grad, kept.positions_TB, first);
  if (scale_ != 1) grad.mul_(scale_);
  if (tokens_->trainable()) parallel::embedding_grad(kept.rows_TB, pass.group.enter(grad), *tokens_);
}

}  // namespace trireme::transformer
