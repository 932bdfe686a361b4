// Attention of new positions over cached ones on the CPU.
#include <ATen/ops/empty.h>

#include "base/error.hpp"
#include "models/attention/host_items.hpp"

namespace trireme::attention {
namespace {

/// Fewer new queries than this go through the cached keys one by one.
constexpr std::int64_t kFewQueries = 8;

/// The new positions of one sequence, as run_blocks() takes them.
struct CachedRows {
  at::Tensor qkv_TBC;
  Forward result;
  cpu::AttentionShape shape;
  const CachedSequence* sequence;

  cpu::AttentionKeyValue key_value(std::int64_t kv_head, const Setting& setting) const {
    cpu::AttentionKeyValue kv;
    kv.key = element_at(sequence->keys, kv_head * setting.head_size);
    kv.value = element_at(sequence->values, kv_head * setting.head_size);
    return kv;
  }
};

CachedRows cached_rows(const at::Tensor& qkv_NBC, const at::Tensor& output_NBD, const CachedSequence& sequence,
                       const Setting& setting) {
  if (sequence.keys.strides() != sequence.values.strides() || sequence.keys.stride(1) != 1) {
    throw base::Error("cached keys and values differ");
  }
  CachedRows rows;
  rows.qkv_TBC = qkv_NBC.narrow(0, sequence.first, sequence.count);
  rows.result.output_TBD = output_NBD.narrow(0, sequence.first, sequence.count);
  rows.shape = shape_of(setting, rows.qkv_TBC);
  rows.shape.keys = sequence.keys.size(0);
  rows.shape.kv_stride = sequence.keys.stride(0);
  rows.sequence = &sequence;
  return rows;
}

/// Computes the outputs of sequences with few new positions each, all together.
void run_rows(const std::vector<CachedRows>& all, const at::Tensor& qkv_NBC, const Setting& setting,
              const cpu::IsaTable& table) {
  const cpu::Element element = kernels::element_of(qkv_NBC);
  cpu::AttentionShape work;  // of all sequences together
  work.head_size = setting.head_size;
  work.queries = 1;
  for (const CachedRows& rows : all) work.keys += rows.shape.queries * rows.shape.keys;
  const std::int64_t threads = threads_for(1, work, setting);
  work.keys = 0;  // which need no scratch memory one by one
  const auto sequences = static_cast<std::int64_t>(all.size());
  // Query heads do not meet in any sum here, so that their groups may depend on the threads. All heads of a group use a
  // key while it is in the cache, hence no more groups than keep the threads busy.
  const std::int64_t groups = groups_of(setting, sequences, threads);
  for_items(sequences * setting.kv_heads * groups, threads, qkv_NBC, work, setting,
            [&](std::int64_t item, void* scratch) {
              const Unit unit = unit_of(setting, item, groups);
              const CachedRows& rows = all[static_cast<std::size_t>(unit.b)];
              const Heads heads = heads_of(setting, unit, groups, [&](std::int64_t h, cpu::AttentionHead& entry) {
                entry = outputs_of(rows.qkv_TBC, rows.result, setting, 0, h);
              });
              table.attention_rows(element, rows.shape, rows.key_value(unit.kv_head, setting),
                                   static_cast<std::int64_t>(heads.size()), heads.data(), scratch);
            });
}

}  // namespace

at::Tensor host_cached(const at::Tensor& qkv_NC, const std::vector<CachedSequence>& sequences, const Setting& setting,
                       const cpu::IsaTable& table) {
  const at::Tensor qkv_NBC = qkv_NC.unsqueeze(1);
  check(qkv_NBC, setting, {});
  const at::Tensor output_NBD = at::empty({qkv_NC.size(0), 1, setting.query_width()}, qkv_NC.options());
  std::vector<CachedRows> few;
  for (const CachedSequence& sequence : sequences) {
    const CachedRows rows = cached_rows(qkv_NBC, output_NBD, sequence, setting);
    if (sequence.count < kFewQueries) {
      few.push_back(rows);
      continue;
    }
    run_blocks(rows.qkv_TBC, rows.shape, setting, {}, rows.result, table,
               [&](std::int64_t, std::int64_t kv_head) { return rows.key_value(kv_head, setting); });
  }
  if (!few.empty()) run_rows(few, qkv_NBC, setting, table);
  return output_NBD.squeeze(1);
}

}  // namespace trireme::attention
