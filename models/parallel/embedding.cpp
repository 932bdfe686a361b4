#include "models/parallel/embedding.hpp"

#include <ATen/ops/index_select.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "models/kernels/kernels.hpp"

namespace trireme::parallel {

at::Tensor local_rows(const at::Tensor& tokens, std::int64_t first, std::int64_t count) {
  const at::Tensor row = tokens.sub(first);
  return at::where(row.ge(0).logical_and_(row.lt(count)), row, -1);
}

at::Tensor embedding(const at::Tensor& rows_TB, const at::Tensor& table) {
  const std::int64_t width = table.size(1);
  if (table.size(0) == 0) return at::zeros({rows_TB.size(0), rows_TB.size(1), width}, table.options());
  const at::Tensor flat = rows_TB.reshape({-1});
  at::Tensor x = at::index_select(table, 0, flat.clamp_min(0));
  x.masked_fill_(flat.lt(0).unsqueeze(1), 0);
  return x.view({rows_TB.size(0), rows_TB.size(1), width});
}

void embedding_grad(const at::Tensor& rows_TB, const at::Tensor& dy_TBD, Block& table) {
  if (!table.trainable()) return;
  if (table.take_first()) table.grad.zero_();
  if (table.grad.numel() == 0) return;
  kernels::add_rows(table.grad, rows_TB.reshape({-1}), dy_TBD);
}

}  // namespace trireme::parallel
