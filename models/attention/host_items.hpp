// How attention's work on the CPU is divided into items, and what an item's kernel gets. Private to models/attention.
#pragma once

#include <ATen/core/Tensor.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/attention/host.hpp"
#include "models/attention/units.hpp"
#include "models/kernels/host.hpp"

namespace trireme::attention {

namespace cpu = kernels::cpu;

using Heads = std::vector<cpu::AttentionHead>;

inline const void* element_at(const at::Tensor& x, std::int64_t element) {
  return kernels::offset(x.const_data_ptr(), element, x);
}
inline void* writable_at(const at::Tensor& x, std::int64_t element) {
  return kernels::offset(x.mutable_data_ptr(), element, x);
}

inline cpu::AttentionShape shape_of(const Setting& setting) {
  cpu::AttentionShape shape;
  shape.head_size = setting.head_size;
  shape.scale = setting.scale;
  shape.causal = setting.causal();
  shape.window = setting.window;
  shape.soft_cap = setting.soft_cap;
  return shape;
}

inline cpu::AttentionShape shape_of(const Setting& setting, const at::Tensor& qkv_TBC) {
  cpu::AttentionShape shape = shape_of(setting);
  shape.queries = shape.keys = qkv_TBC.size(0);
  shape.query_stride = shape.kv_stride = qkv_TBC.stride(0);
  shape.output_stride = qkv_TBC.size(1) * setting.query_width();
  return shape;
}

/// Throws base::Error for rows or starts of another shape than attention takes; starts may be undefined.
void check(const at::Tensor& qkv_TBC, const Setting& setting, const at::Tensor& starts_BT);

/// Memory for each of the threads.
class Scratch {
 public:
  Scratch(const at::Tensor& like, const cpu::AttentionShape& shape, const Setting& setting, std::int64_t threads);

  void* of_thread() const { return memory_.mutable_data_ptr<std::uint8_t>() + omp_get_thread_num() * bytes_; }

 private:
  std::int64_t bytes_;
  at::Tensor memory_;
};

/// Threads that are worth starting.
inline std::int64_t threads_for(std::int64_t batch, const cpu::AttentionShape& shape, const Setting& setting) {
  const std::int64_t work = batch * setting.query_heads * shape.queries * shape.keys * shape.head_size;
  return work < 65536 ? 1 : omp_get_max_threads();
}

/// Calls f(item, scratch) for all items, in any order, on at most `most` threads. The scratch memory suits `shape`.
template <typename F>
void for_items(std::int64_t items, std::int64_t most, const at::Tensor& like, const cpu::AttentionShape& shape,
               const Setting& setting, const F& f) {
  const std::int64_t threads = std::clamp<std::int64_t>(items, 1, most);
  const Scratch scratch(like, shape, setting, threads);
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
inline std::int64_t parts_of(std::int64_t units, std::int64_t queries, std::int64_t threads) {
  const std::int64_t blocks = (queries + cpu::kAttentionQueries - 1) / cpu::kAttentionQueries;
  return threads == 1 ? 1 : std::clamp<std::int64_t>(4 * threads / units, 1, blocks);
}

inline cpu::AttentionHead outputs_of(const at::Tensor& qkv_TBC, const Forward& forward, const Setting& setting,
                                     std::int64_t b, std::int64_t head) {
  cpu::AttentionHead entry;
  entry.query = element_at(qkv_TBC, b * qkv_TBC.stride(1) + head * setting.head_size);
  entry.output = writable_at(forward.output_TBD, b * setting.query_width() + head * setting.head_size);
  if (forward.log_sum_exp_BHT.defined()) {
    entry.log_sum_exp =
        writable_at(forward.log_sum_exp_BHT, (b * setting.query_heads + head) * forward.log_sum_exp_BHT.size(2));
  }
  return entry;
}

inline const std::int32_t* starts_of(const at::Tensor& starts_BT, std::int64_t b) {
  return starts_BT.defined() ? starts_BT.const_data_ptr<std::int32_t>() + b * starts_BT.size(1) : nullptr;
}

/// Computes the outputs, and log-sum-exp where it is defined. `key_value` gives pointers of (sequence, kv head).
template <typename F>
void run_blocks(const at::Tensor& qkv_TBC, const cpu::AttentionShape& shape, const Setting& setting,
                const at::Tensor& starts_BT, const Forward& result, const cpu::IsaTable& table, const F& key_value) {
  const cpu::Element element = kernels::element_of(qkv_TBC);
  const std::int64_t units = qkv_TBC.size(1) * setting.kv_heads;
  const std::int64_t threads = threads_for(qkv_TBC.size(1), shape, setting);
  const std::int64_t parts = parts_of(units, shape.queries, threads);
  const std::int64_t blocks = (shape.queries + cpu::kAttentionQueries - 1) / cpu::kAttentionQueries;
  for_items(units * parts, threads, qkv_TBC, shape, setting, [&](std::int64_t item, void* scratch) {
    const Unit unit = unit_of(setting, item / parts, 1);
    const std::int64_t part = item % parts;
    cpu::AttentionShape mine = shape;
    mine.starts = starts_of(starts_BT, unit.b);
    const Heads heads = heads_of(setting, unit, 1, [&](std::int64_t h, cpu::AttentionHead& entry) {
      entry = outputs_of(qkv_TBC, result, setting, unit.b, h);
    });
    table.attention_forward(element, mine, key_value(unit.b, unit.kv_head), static_cast<std::int64_t>(heads.size()),
                            heads.data(), part * blocks / parts * cpu::kAttentionQueries,
                            std::min(shape.queries, (part + 1) * blocks / parts * cpu::kAttentionQueries), scratch);
  });
}

}  // namespace trireme::attention
