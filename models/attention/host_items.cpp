#include "models/attention/host_items.hpp"

#include <ATen/ops/empty.h>

#include "base/error.hpp"

namespace trireme::attention {

void check(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT) {
  if (qkv_TBC.dim() != 3 || qkv_TBC.size(2) != setting.width() || !qkv_TBC.is_contiguous()) {
    throw base::Error(base::str("attention takes contiguous rows of ", setting.width(), " elements"));
  }
  if (!starts_BT.defined()) return;
  const bool fits = starts_BT.dim() == 2 && starts_BT.size(0) == qkv_TBC.size(1) &&
                    starts_BT.size(1) == qkv_TBC.size(0) && starts_BT.scalar_type() == at::kInt;
  if (!fits || !starts_BT.is_contiguous()) throw base::Error("attention takes one int32 start for each position");
}

Scratch::Scratch(const at::Tensor& like, const cpu::AttentionShape& shape, const Setting& setting, std::int64_t threads)
    : bytes_((cpu::attention_scratch_bytes(kernels::element_of(like), shape, setting.query_heads) + 63) / 64 * 64),
      memory_(at::empty({threads * bytes_}, at::kByte)) {}

}  // namespace trireme::attention
