#include "models/attention/host.hpp"

#include <ATen/ops/empty.h>
#include <omp.h>

#include <algorithm>

#include "base/error.hpp"
#include "models/kernels/host.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::attention {
namespace {

namespace cpu = kernels::cpu;

using Heads = std::vector<cpu::AttentionHead>;

/// Fewer new queries than this go through the cached keys one by one.
constexpr std::int64_t kFewQueries = 8;

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

/// Calls f(item, scratch) for all items, in any order.
template <typename F>
void for_items(std::int64_t items, const at::Tensor& like, const cpu::AttentionShape& shape, const Setting& setting,
               const F& f) {
  const std::int64_t work = items * shape.queries * shape.keys * shape.head_size;
  const std::int64_t threads = work < 65536 ? 1 : std::min<std::int64_t>(items, omp_get_max_threads());
  const Scratch scratch(like, shape, setting, threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(threads)) if (threads > 1)
  for (std::int64_t item = 0; item < items; ++item) f(item, scratch.of_thread());
}

/// Calls fill(query head, its entry) for the query heads that a key/value head serves.
template <typename F>
Heads heads_of(const Setting& setting, std::int64_t kv_head, const F& fill) {
  Heads heads;
  for (std::int64_t h = 0; h < setting.query_heads; ++h) {
    if (setting.kv_of_query[static_cast<std::size_t>(h)] == kv_head) fill(h, heads.emplace_back());
  }
  return heads;
}

/// Parts of each unit's query blocks that different threads may compute.
std::int64_t parts_of(std::int64_t units, std::int64_t queries) {
  const std::int64_t blocks = (queries + cpu::kAttentionQueries - 1) / cpu::kAttentionQueries;
  const std::int64_t threads = omp_get_max_threads();
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
  const std::int64_t parts = parts_of(units, shape.queries);
  const std::int64_t blocks = (shape.queries + cpu::kAttentionQueries - 1) / cpu::kAttentionQueries;
  for_items(units * parts, qkv_TBC, shape, setting, [&](std::int64_t item, void* scratch) {
    const std::int64_t b = item / parts / setting.kv_heads;
    const std::int64_t kv_head = item / parts % setting.kv_heads;
    const std::int64_t part = item % parts;
    cpu::AttentionShape mine = shape;
    mine.segments = segments_of(segments_BT, b);
    const Heads heads = heads_of(setting, kv_head, [&](std::int64_t h, cpu::AttentionHead& entry) {
      entry = outputs_of(qkv_TBC, result, setting, b, h);
    });
    table.attention_forward(element, mine, key_value(b, kv_head), static_cast<std::int64_t>(heads.size()), heads.data(),
                            part * blocks / parts * cpu::kAttentionQueries,
                            std::min(shape.queries, (part + 1) * blocks / parts * cpu::kAttentionQueries), scratch);
  });
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
  const cpu::AttentionShape shape = shape_of(setting, qkv_TBC);
  const at::Tensor output_grad = grad_TBD.contiguous();
  const at::Tensor grad_TBC = at::empty(qkv_TBC.sizes(), qkv_TBC.options());
  for_items(qkv_TBC.size(1) * setting.kv_heads, qkv_TBC, shape, setting, [&](std::int64_t item, void* scratch) {
    const std::int64_t b = item / setting.kv_heads;
    const std::int64_t kv_head = item % setting.kv_heads;
    const std::int64_t row = b * qkv_TBC.stride(1);
    cpu::AttentionShape mine = shape;
    mine.segments = segments_of(segments_BT, b);
    const Heads heads = heads_of(setting, kv_head, [&](std::int64_t h, cpu::AttentionHead& entry) {
      entry = outputs_of(qkv_TBC, forward, setting, b, h);
      entry.output_grad = element_at(output_grad, b * setting.query_width() + h * setting.head_size);
      entry.query_grad = writable_at(grad_TBC, row + h * setting.head_size);
    });
    const std::int64_t key = row + key_at(setting, kv_head);
    const std::int64_t value = row + value_at(setting, kv_head);
    table.attention_backward(element, mine,
                             {element_at(qkv_TBC, key), element_at(qkv_TBC, value), writable_at(grad_TBC, key),
                              writable_at(grad_TBC, value)},
                             static_cast<std::int64_t>(heads.size()), heads.data(), scratch);
  });
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
  for_items(qkv_TBC.size(1) * setting.kv_heads, qkv_TBC, shape, setting, [&](std::int64_t item, void* scratch) {
    const std::int64_t b = item / setting.kv_heads;
    const std::int64_t kv_head = item % setting.kv_heads;
    const Heads heads = heads_of(setting, kv_head, [&](std::int64_t h, cpu::AttentionHead& entry) {
      entry = outputs_of(qkv_TBC, result, setting, b, h);
    });
    table.attention_rows(element, shape, key_value(b, kv_head), static_cast<std::int64_t>(heads.size()), heads.data(),
                         scratch);
  });
  return result.output_TBD;
}

}  // namespace trireme::attention
