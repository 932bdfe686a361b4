// The product of a linear layer for inference on the CPU: few rows, so that reading the weights takes the time.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels {

/// y = x w^T for x (rows, inner), w (outputs, inner) and y (rows, outputs): contiguous host tensors of one type, fp32,
/// fp64 or bf16; any sizes. Sums are in the wide type and rounded once. An element is the sum of x[k] w[k] in an order
/// that `inner` and the instruction set alone decide: a row's result has the same bits whatever the other rows are, how
/// many there are, and however many threads compute. Reads w once for every 48 rows.
void row_product(const at::Tensor& x, const at::Tensor& w, at::Tensor& y,
                 const cpu::IsaTable& table = cpu::isa_table());

}  // namespace trireme::kernels
