// The vocabulary-parallel embedding: each tp rank holds the rows [first, first + n) of the table.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/parallel/parameters.hpp"

namespace trireme::parallel {

/// Row of the local table for each token, -1 where another rank holds it.
at::Tensor local_rows(const at::Tensor& tokens, std::int64_t first, std::int64_t count);

/// Takes rows (T, B) from local_rows() and returns (T, B, D): this rank's rows, zero where another rank holds them. The
/// sum over the ranks is the embedding.
at::Tensor embedding(const at::Tensor& rows_TB, const at::Tensor& table);
/// Adds dy_TBD to the table's gradient (which is zeroed first when it is stale), in the order of the tokens. Does
/// nothing for a frozen table.
void embedding_grad(const at::Tensor& rows_TB, const at::Tensor& dy_TBD, Block& table);

}  // namespace trireme::parallel
