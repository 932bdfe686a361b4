// Attention on the CPU, by the kernels of models/kernels/cpu. Work is divided over OpenMP's threads; no sum depends on
// how. Arguments are those of models/attention/attention.hpp.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/attention/attention.hpp"
#include "models/kernels/cpu/isa.hpp"

namespace trireme::attention {

Forward host_forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT,
                     const kernels::cpu::IsaTable& table = kernels::cpu::isa_table());
at::Tensor host_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                         const Setting& setting, const at::Tensor& starts_BT,
                         const kernels::cpu::IsaTable& table = kernels::cpu::isa_table());
at::Tensor host_cached(const at::Tensor& qkv_NC, const std::vector<CachedSequence>& sequences, const Setting& setting,
                       const kernels::cpu::IsaTable& table = kernels::cpu::isa_table());

}  // namespace trireme::attention
