#include "models/attention/plain.hpp"

#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>

#include <limits>

#include "models/kernels/kernels.hpp"

namespace trireme::attention {
namespace {

at::Tensor wide(const at::Tensor& x) { return x.to(kernels::wide_type(x.scalar_type())); }

}  // namespace

at::Tensor hidden_keys(std::int64_t queries, std::int64_t keys, const Setting& setting, const at::Tensor& starts_BT,
                       const at::Tensor& like) {
  const std::int64_t past = keys - queries;
  at::Tensor hidden;
  if (setting.causal() && queries > 1) {
    hidden = at::ones({queries, keys}, like.options().dtype(at::kBool)).triu_(past + 1);
  }
  if (setting.window > 0 && keys > setting.window) {
    const at::Tensor before = at::ones({queries, keys}, like.options().dtype(at::kBool)).tril_(past - setting.window);
    hidden = hidden.defined() ? hidden.logical_or_(before) : before;
  }
  if (starts_BT.defined()) {
    const at::Tensor other = starts_BT.unsqueeze(2).ne(starts_BT.unsqueeze(1)).unsqueeze(1);
    hidden = hidden.defined() ? hidden.logical_or(other) : other;
  }
  return hidden;
}

at::Tensor plain(const QueryKeyValue& x, const Setting& setting, const at::Tensor& hidden,
                 std::vector<at::Tensor>& saved) {
  at::Tensor scores = at::matmul(wide(x.q), wide(x.k).transpose(2, 3)).mul_(setting.scale);
  at::Tensor tangent;
  if (setting.soft_cap > 0) {
    tangent = scores.div_(setting.soft_cap).tanh_();
    scores = tangent.mul(setting.soft_cap);
  }
  if (hidden.defined()) scores.masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  const at::Tensor p = at::_softmax(scores, 3, false);
  saved = {p};
  if (tangent.defined()) saved.push_back(tangent);
  return at::matmul(p, wide(x.v)).to(x.q.scalar_type());
}

QueryKeyValue plain_backward(const at::Tensor& grad, const QueryKeyValue& x, const std::vector<at::Tensor>& saved,
                             const Setting& setting) {
  const at::Tensor& p = saved.at(0);
  const at::Tensor dy = wide(grad);
  const at::Tensor dp = at::matmul(dy, wide(x.v).transpose(2, 3));
  at::Tensor ds = at::_softmax_backward_data(dp, p, 3, p.scalar_type()).mul_(setting.scale);
  if (setting.soft_cap > 0) ds.mul_(saved.at(1).square().neg_().add_(1));
  const auto narrow = [&](const at::Tensor& d) { return d.to(x.q.scalar_type()); };
  return {narrow(at::matmul(ds, wide(x.k))), narrow(at::matmul(ds.transpose(2, 3), wide(x.q))),
          narrow(at::matmul(p.transpose(2, 3), dy))};
}

}  // namespace trireme::attention
