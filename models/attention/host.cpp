#include "models/attention/host.hpp"

#include <ATen/ops/empty.h>

#include "models/attention/host_items.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::attention {
namespace {

/// Backward divides the query heads of a key/value head into groups, whose gradients of keys and values are added
/// afterwards, where there are fewer units than this. It does not follow the number of threads, or bits would.
constexpr std::int64_t kBackwardUnits = 16;

/// Elements from a row's start to a key and a value head.
std::int64_t key_at(const Setting& setting, std::int64_t kv_head) {
  return setting.query_width() + kv_head * setting.head_size;
}
std::int64_t value_at(const Setting& setting, std::int64_t kv_head) {
  return key_at(setting, kv_head) + setting.kv_width();
}

/// The gradients of keys and values in the fused one.
at::Tensor kv_part(const at::Tensor& grad_TBC, const Setting& setting) {
  return grad_TBC.narrow(2, setting.query_width(), 2 * setting.kv_width());
}

/// Where each group writes its gradients of keys and values: into the fused one when there is a single group. Else that
/// is memory of its own in the wide type, of groups * B * kv_heads < kBackwardUnits + B * kv_heads keys and values of T
/// rows. With heads shared equally it is less than twice the fused gradient in the wide type; for 4 query heads of 256
/// over one key/value head and 8,192 positions, 64 MiB.
at::Tensor kv_grads(const at::Tensor& grad_TBC, const Setting& setting, std::int64_t groups) {
  if (groups == 1) return kv_part(grad_TBC, setting).unsqueeze(0);
  return at::empty({groups, grad_TBC.size(0), grad_TBC.size(1), 2 * setting.kv_width()},
                   grad_TBC.options().dtype(kernels::wide_type(grad_TBC.scalar_type())));
}

/// Adds the groups one after another and rounds the sum.
void add_groups(const at::Tensor& kv_grad_GTBC, const cpu::IsaTable& table, const at::Tensor& to) {
  const std::int64_t groups = kv_grad_GTBC.size(0);
  kernels::divide(kv_grad_GTBC.stride(0), groups, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t group = 1; group < groups; ++group) {
      table.accumulate(kernels::element_of(kv_grad_GTBC), count,
                       element_at(kv_grad_GTBC, group * kv_grad_GTBC.stride(0) + first),
                       writable_at(kv_grad_GTBC, first));
    }
  });
  to.copy_(kv_grad_GTBC.select(0, 0));
}

}  // namespace

Forward host_forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT,
                     const cpu::IsaTable& table) {
  check(qkv_TBC, setting, starts_BT);
  const std::int64_t length = qkv_TBC.size(0);
  const std::int64_t batch = qkv_TBC.size(1);
  Forward result;
  result.output_TBD = at::empty({length, batch, setting.query_width()}, qkv_TBC.options());
  result.log_sum_exp_BHT = at::empty({batch, setting.query_heads, length},
                                     qkv_TBC.options().dtype(kernels::wide_type(qkv_TBC.scalar_type())));
  run_blocks(qkv_TBC, shape_of(setting, qkv_TBC), setting, starts_BT, result, table,
             [&](std::int64_t b, std::int64_t kv_head) {
               cpu::AttentionKeyValue kv;
               kv.key = element_at(qkv_TBC, b * qkv_TBC.stride(1) + key_at(setting, kv_head));
               kv.value = element_at(qkv_TBC, b * qkv_TBC.stride(1) + value_at(setting, kv_head));
               return kv;
             });
  return result;
}

at::Tensor host_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                         const Setting& setting, const at::Tensor& starts_BT, const cpu::IsaTable& table) {
  check(qkv_TBC, setting, starts_BT);
  const cpu::Element element = kernels::element_of(qkv_TBC);
  const at::Tensor output_grad = grad_TBD.contiguous();
  at::Tensor grad_TBC = at::empty(qkv_TBC.sizes(), qkv_TBC.options());
  const std::int64_t groups = groups_of(setting, qkv_TBC.size(1), kBackwardUnits);
  const at::Tensor kv_grad_GTBC = kv_grads(grad_TBC, setting, groups);
  cpu::AttentionShape shape = shape_of(setting, qkv_TBC);
  shape.kv_grad_stride = kv_grad_GTBC.stride(1);
  const std::int64_t threads = threads_for(qkv_TBC.size(1), shape, setting);
  for_items(
      qkv_TBC.size(1) * setting.kv_heads * groups, threads, qkv_TBC, shape, setting,
      [&](std::int64_t item, void* scratch) {
        const Unit unit = unit_of(setting, item, groups);
        const std::int64_t row = unit.b * qkv_TBC.stride(1);
        cpu::AttentionShape mine = shape;
        mine.starts = starts_of(starts_BT, unit.b);
        const Heads heads = heads_of(setting, unit, groups, [&](std::int64_t h, cpu::AttentionHead& entry) {
          entry = outputs_of(qkv_TBC, forward, setting, unit.b, h);
          entry.output_grad = element_at(output_grad, unit.b * setting.query_width() + h * setting.head_size);
          entry.query_grad = writable_at(grad_TBC, row + h * setting.head_size);
        });
        cpu::AttentionKeyValue kv;
        kv.key = element_at(qkv_TBC, row + key_at(setting, unit.kv_head));
        kv.value = element_at(qkv_TBC, row + value_at(setting, unit.kv_head));
        const std::int64_t at =
            unit.group * kv_grad_GTBC.stride(0) + unit.b * kv_grad_GTBC.stride(2) + unit.kv_head * setting.head_size;
        kv.key_grad = writable_at(kv_grad_GTBC, at);
        kv.value_grad = writable_at(kv_grad_GTBC, at + setting.kv_width());
        kv.wide_grads = groups > 1;
        table.attention_backward(element, mine, kv, static_cast<std::int64_t>(heads.size()), heads.data(), scratch);
      });
  if (groups > 1) add_groups(kv_grad_GTBC, table, kv_part(grad_TBC, setting));
  return grad_TBC;
}

}  // namespace trireme::attention
