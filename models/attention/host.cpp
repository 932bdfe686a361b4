#include "models/attention/host.hpp"

#include <ATen/ops/empty.h>
#include <omp.h>

#include <algorithm>

#include "base/error.hpp"
#include "models/attention/units.hpp"
#include "models/kernels/host.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::attention {
namespace {

namespace cpu = kernels::cpu;

using Heads = std::vector<cpu::AttentionHead>;

/// Fewer new queries than this go through the cached keys one by one.
constexpr std::int64_t kFewQueries = 8;
/// Backward divides the query heads of a key/value head into groups, whose gradients of keys and values are added
/// afterwards, where there are fewer units than this. It does not follow the number of threads, or bits would.
constexpr std::int64_t kBackwardUnits = 16;

const void* element_at(const at::Tensor& x, std::int64_t element) {
  return kernels::offset(x.const_data_ptr(), element, x);
}
void* writable_at(const at::Tensor& x, std::int64_t element) {
  return kernels::offset(x.mutable_data_ptr(), element, x);
}

cpu::AttentionShape shape_of(const Setting& setting) {
  cpu::AttentionShape shape;
  shape.head_size = setting.head_size;
  shape.scale = setting.scale;
  shape.causal = setting.causal();
  shape.window = setting.window;
  shape.soft_cap = setting.soft_cap;
  return shape;
}

cpu::AttentionShape shape_of(const Setting& setting, const at::Tensor& qkv_TBC) {
  cpu::AttentionShape shape = shape_of(setting);
  shape.queries = shape.keys = qkv_TBC.size(0);
  shape.query_stride = shape.kv_stride = qkv_TBC.stride(0);
  shape.output_stride = qkv_TBC.size(1) * setting.query_width();
  return shape;
}

void check(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& segments_BT) {
  if (qkv_TBC.dim() != 3 || qkv_TBC.size(2) != setting.width() || !qkv_TBC.is_contiguous()) {
    throw base::Error(base::str("attention takes contiguous rows of ", setting.width(), " elements"));
  }
  if (!segments_BT.defined()) return;
  const bool fits = segments_BT.dim() == 2 && segments_BT.size(0) == qkv_TBC.size(1) &&
                    segments_BT.size(1) == qkv_TBC.size(0) && segments_BT.scalar_type() == at::kLong;
  if (!fits || !segments_BT.is_contiguous()) throw base::Error("attention takes one int64 segment for each position");
}

/// Memory for each of the threads.
class Scratch {
 public:
  Scratch(const at::Tensor& like, const cpu::AttentionShape& shape, const Setting& setting, std::int64_t threads)
      : bytes_((cpu::attention_scratch_bytes(kernels::element_of(like), shape, setting.query_heads) + 63) / 64 * 64),
        memory_(at::empty({threads * bytes_}, at::kByte)) {}

  void* of_thread() const { return memory_.mutable_data_ptr<std::uint8_t>() + omp_get_thread_num() * bytes_; }

 private:
  std::int64_t bytes_;
  at::Tensor memory_;
};

/// Threads that are worth starting.
std::int64_t threads_for(const at::Tensor& qkv_TBC, const cpu::AttentionShape& shape, const Setting& setting) {
  const std::int64_t work = qkv_TBC.size(1) * setting.query_heads * shape.queries * shape.keys * shape.head_size;
  return work < 65536 ? 1 : omp_get_max_threads();
}

/// Calls f(item, scratch) for all items, in any order.
template <typename F>
void for_items(std::int64_t items, const at::Tensor& qkv_TBC, const cpu::AttentionShape& shape, const Setting& setting,
               const F& f) {
  const std::int64_t threads = std::clamp<std::int64_t>(items, 1, threads_for(qkv_TBC, shape, setting));
  const Scratch scratch(qkv_TBC, shape, setting, threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(threads)) if (threads > 1)
  for (std::int64_t item = 0; item < items; ++item) f(item, scratch.of_thread());
}

/// Calls fill(query head, its entry) for the unit's query heads.
template <typename F>
Heads heads_of(const Setting& setting, const Unit& unit, std::int64_t groups, const F& fill) {
  Heads heads;
  for (const std::int64_t head : query_heads_of(setting, unit, groups)) fill(head, heads.emplace_back());
  return heads;
}

/// Parts of each unit's query blocks that different threads may compute.
std::int64_t parts_of(std::int64_t units, std::int64_t queries, std::int64_t threads) {
  const std::int64_t blocks = (queries + cpu::kAttentionQueries - 1) / cpu::kAttentionQueries;
  return threads == 1 ? 1 : std::clamp<std::int64_t>(4 * threads / units, 1, blocks);
}

cpu::AttentionHead outputs_of(const at::Tensor& qkv_TBC, const Forward& forward, const Setting& setting, std::int64_t b,
                              std::int64_t head) {
  cpu::AttentionHead entry;
  entry.query = element_at(qkv_TBC, b * qkv_TBC.stride(1) + head * setting.head_size);
  entry.output = writable_at(forward.output_TBD, b * setting.query_width() + head * setting.head_size);
  if (forward.log_sum_exp_BHT.defined()) {
    entry.log_sum_exp =
        writable_at(forward.log_sum_exp_BHT, (b * setting.query_heads + head) * forward.log_sum_exp_BHT.size(2));
  }
  return entry;
}

/// Elements from a row's start to a key and a value head.
std::int64_t key_at(const Setting& setting, std::int64_t kv_head) {
  return setting.query_width() + kv_head * setting.head_size;
}
std::int64_t value_at(const Setting& setting, std::int64_t kv_head) {
  return key_at(setting, kv_head) + setting.kv_width();
}

const std::int64_t* segments_of(const at::Tensor& segments_BT, std::int64_t b) {
  return segments_BT.defined() ? segments_BT.const_data_ptr<std::int64_t>() + b * segments_BT.size(1) : nullptr;
}

/// Computes the outputs, and log-sum-exp where it is defined. `key_value` gives pointers of (sequence, kv head).
template <typename F>
void run_blocks(const at::Tensor& qkv_TBC, const cpu::AttentionShape& shape, const Setting& setting,
                const at::Tensor& segments_BT, const Forward& result, const cpu::IsaTable& table, const F& key_value) {
  const cpu::Element element = kernels::element_of(qkv_TBC);
  const std::int64_t units = qkv_TBC.size(1) * setting.kv_heads;
  const std::int64_t parts = parts_of(units, shape.queries, threads_for(qkv_TBC, shape, setting));
  const std::int64_t blocks = (shape.queries + cpu::kAttentionQueries - 1) / cpu::kAttentionQueries;
  for_items(units * parts, qkv_TBC, shape, setting, [&](std::int64_t item, void* scratch) {
    const Unit unit = unit_of(setting, item / parts, 1);
    const std::int64_t part = item % parts;
    cpu::AttentionShape mine = shape;
    mine.segments = segments_of(segments_BT, unit.b);
    const Heads heads = heads_of(setting, unit, 1, [&](std::int64_t h, cpu::AttentionHead& entry) {
      entry = outputs_of(qkv_TBC, result, setting, unit.b, h);
    });
    table.attention_forward(element, mine, key_value(unit.b, unit.kv_head), static_cast<std::int64_t>(heads.size()),
                            heads.data(), part * blocks / parts * cpu::kAttentionQueries,
                            std::min(shape.queries, (part + 1) * blocks / parts * cpu::kAttentionQueries), scratch);
  });
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

Forward host_forward(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& segments_BT,
                     const cpu::IsaTable& table) {
  check(qkv_TBC, setting, segments_BT);
  const std::int64_t length = qkv_TBC.size(0);
  const std::int64_t batch = qkv_TBC.size(1);
  Forward result;
  result.output_TBD = at::empty({length, batch, setting.query_width()}, qkv_TBC.options());
  result.log_sum_exp_BHT = at::empty({batch, setting.query_heads, length},
                                     qkv_TBC.options().dtype(kernels::wide_type(qkv_TBC.scalar_type())));
  run_blocks(qkv_TBC, shape_of(setting, qkv_TBC), setting, segments_BT, result, table,
             [&](std::int64_t b, std::int64_t kv_head) {
               cpu::AttentionKeyValue kv;
               kv.key = element_at(qkv_TBC, b * qkv_TBC.stride(1) + key_at(setting, kv_head));
               kv.value = element_at(qkv_TBC, b * qkv_TBC.stride(1) + value_at(setting, kv_head));
               return kv;
             });
  return result;
}

at::Tensor host_backward(const at::Tensor& grad_TBD, const at::Tensor& qkv_TBC, const Forward& forward,
                         const Setting& setting, const at::Tensor& segments_BT, const cpu::IsaTable& table) {
  check(qkv_TBC, setting, segments_BT);
  const cpu::Element element = kernels::element_of(qkv_TBC);
  const at::Tensor output_grad = grad_TBD.contiguous();
  at::Tensor grad_TBC = at::empty(qkv_TBC.sizes(), qkv_TBC.options());
  const std::int64_t groups = groups_of(setting, qkv_TBC.size(1), kBackwardUnits);
  const at::Tensor kv_grad_GTBC = kv_grads(grad_TBC, setting, groups);
  cpu::AttentionShape shape = shape_of(setting, qkv_TBC);
  shape.kv_grad_stride = kv_grad_GTBC.stride(1);
  for_items(
      qkv_TBC.size(1) * setting.kv_heads * groups, qkv_TBC, shape, setting, [&](std::int64_t item, void* scratch) {
        const Unit unit = unit_of(setting, item, groups);
        const std::int64_t row = unit.b * qkv_TBC.stride(1);
        cpu::AttentionShape mine = shape;
        mine.segments = segments_of(segments_BT, unit.b);
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

at::Tensor host_cached(const at::Tensor& qkv_TBC, const at::Tensor& keys, const at::Tensor& values,
                       const Setting& setting, const cpu::IsaTable& table) {
  check(qkv_TBC, setting, {});
  if (keys.strides() != values.strides() || keys.stride(2) != 1) throw base::Error("cached keys and values differ");
  cpu::AttentionShape shape = shape_of(setting, qkv_TBC);
  shape.keys = keys.size(0);
  shape.kv_stride = keys.stride(0);
  Forward result;
  result.output_TBD = at::empty({qkv_TBC.size(0), qkv_TBC.size(1), setting.query_width()}, qkv_TBC.options());
  const auto key_value = [&](std::int64_t b, std::int64_t kv_head) {
    const std::int64_t at = b * keys.stride(1) + kv_head * setting.head_size;
    cpu::AttentionKeyValue kv;
    kv.key = element_at(keys, at);
    kv.value = element_at(values, at);
    return kv;
  };
  if (shape.queries >= kFewQueries) {
    run_blocks(qkv_TBC, shape, setting, {}, result, table, key_value);
    return result.output_TBD;
  }
  const cpu::Element element = kernels::element_of(qkv_TBC);
  // Query heads do not meet in any sum here, so that their groups may depend on the threads. All heads of a group use a
  // key while it is in the cache, hence no more groups than keep the threads busy.
  const std::int64_t groups = groups_of(setting, qkv_TBC.size(1), threads_for(qkv_TBC, shape, setting));
  for_items(qkv_TBC.size(1) * setting.kv_heads * groups, qkv_TBC, shape, setting,
            [&](std::int64_t item, void* scratch) {
              const Unit unit = unit_of(setting, item, groups);
              const Heads heads = heads_of(setting, unit, groups, [&](std::int64_t h, cpu::AttentionHead& entry) {
                entry = outputs_of(qkv_TBC, result, setting, unit.b, h);
              });
              table.attention_rows(element, shape, key_value(unit.b, unit.kv_head),
                                   static_cast<std::int64_t>(heads.size()), heads.data(), scratch);
            });
  return result.output_TBD;
}

}  // namespace trireme::attention
