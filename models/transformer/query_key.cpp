#include "models/transformer/query_key.hpp"

#include "models/kernels/kernels.hpp"
#include "models/parallel/linear_products.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::transformer {

QueryKey::QueryKey(const spec::AttentionSpec& attention, const spec::NormSpec& norm, const attention::Setting& setting,
                   int tp_rank, int tp, parallel::ParameterStore& parameters, const std::string& name)
    : kind_(attention.qk_norm),
      norm_(norm),
      heads_(setting.query_heads + setting.kv_heads),
      head_size_(setting.head_size) {
  if (kind_ == spec::QkNorm::kNone) return;
  const spec::Heads heads = spec::heads_of(attention);
  const spec::HeadRange held = spec::key_heads(heads, tp_rank, tp);
  const spec::HeadRange own = spec::owned_key_heads(heads, tp_rank, tp);
  const std::int64_t queries = setting.query_width();
  query_ = {{0, queries}, {0, queries}, attention.query_width(), &parameters.block(name + ".q_norm.weight")};
  key_ = {{queries, setting.kv_width()},
          {queries + (own.first - held.first) * head_size_, own.count * head_size_},
          attention.kv_width(),
          &parameters.block(name + ".k_norm.weight")};
}

at::Tensor QueryKey::norm(const at::Tensor& qkv, const Part& part, const parallel::TensorGroup& group, at::Tensor rstd,
                          at::Tensor& y) const {
  const parallel::ValueLease weight = part.weight->values();
  if (kind_ == spec::QkNorm::kHead) return kernels::head_norm(qkv, part.columns, weight.tensor(), norm_, y);
  if (!rstd.defined()) {
    rstd = kernels::row_squares(qkv, part.owned);
    if (group.size() > 1) parallel::all_reduce(*group.comm, rstd);
    rstd.div_(static_cast<double>(part.width)).add_(norm_.eps).rsqrt_();
  }
  kernels::scale_rows(qkv, part.columns, rstd, weight.tensor(), norm_, y);
  return rstd;
}

void QueryKey::norm_backward(at::Tensor& grad, const at::Tensor& qkv, const Part& part,
                             const parallel::TensorGroup& group, const at::Tensor& rstd) const {
  const parallel::ValueLease lease = part.weight->values();
  const at::Tensor& weight = lease.tensor();
  if (kind_ == spec::QkNorm::kHead) {
    parallel::add_grad(kernels::head_norm_backward(grad, qkv, part.columns, rstd, weight, norm_), *part.weight);
    return;
  }
  at::Tensor dots = kernels::row_dots(grad, qkv, part.columns, weight, norm_);
  if (group.size() > 1) parallel::all_reduce(*group.comm, dots);
  parallel::add_grad(
      kernels::scale_rows_backward(grad, qkv, part.columns, part.owned, rstd, dots, part.width, weight, norm_),
      *part.weight);
}

void QueryKey::rotate(at::Tensor& qkv, const RotaryTables& rotary, bool inverse) const {
  if (!rotary.cosine.defined()) return;
  at::Tensor rows = rotary.by_row ? qkv.view({-1, 1, qkv.size(2)}) : qkv;
  kernels::rotate(rows, heads_, head_size_, rotary.cosine, rotary.sine, 0, inverse);
}

at::Tensor QueryKey::prepare(const at::Tensor& qkv, const RotaryTables& rotary, const parallel::TensorGroup& group,
                             QueryKeyActivations& kept) const {
  at::Tensor rows = qkv;
  if (copies()) {
    rows = qkv.clone();
    kept.query_rstd = norm(qkv, query_, group, kept.query_rstd, rows);
    kept.key_rstd = norm(qkv, key_, group, kept.key_rstd, rows);
  }
  rotate(rows, rotary, false);
  return rows;
}

void QueryKey::backward(at::Tensor& grad, const at::Tensor& qkv, const RotaryTables& rotary,
                        const parallel::TensorGroup& group, const QueryKeyActivations& kept) const {
  rotate(grad, rotary, true);
  if (!copies()) return;
  norm_backward(grad, qkv, query_, group, kept.query_rstd);
  norm_backward(grad, qkv, key_, group, kept.key_rstd);
}

}  // namespace trireme::transformer
