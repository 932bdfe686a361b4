#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/philox.hpp"
#include "collectives/topology/box.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/save/writer.hpp"

namespace trireme::checkpoint::tests {

struct SampleTensor {
  std::string slot;
  std::string name;
  Shape shape;
  DataType dtype;
};

/// 0, 1, 2, 3 for param, adam_m, adam_v, grad; for any other slot a number of its own.
inline std::uint64_t number_of_slot(const std::string& slot) {
  constexpr std::array kNames = {kParam, kAdamM, kAdamV, kGrad};
  const auto found = std::ranges::find(kNames, slot);
  return found == kNames.end() ? base::name_hash(slot) : static_cast<std::uint64_t>(found - kNames.begin());
}

/// The value of an element depends on slot, name, flat index and step alone.
inline double value_of(const SampleTensor& tensor, std::int64_t flat, std::int64_t step) {
  const std::uint64_t bits = base::mix(base::mix(base::name_hash(tensor.name), number_of_slot(tensor.slot)),
                                       base::mix(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(flat)));
  return static_cast<double>(static_cast<float>(static_cast<double>(bits >> 40) * 0x1p-24 - 0.5));
}

/// A box of a tensor in memory of its own, not aligned to its elements.
struct BoxMemory {
  const SampleTensor* tensor;
  Box box;
  std::vector<char> bytes;

  void* data() { return bytes.data() + 1; }
};

inline BoxMemory make_memory(const SampleTensor& tensor, const Box& box, DataType dtype) {
  return {&tensor, box, std::vector<char>(static_cast<std::size_t>(box.elements()) * size_of(dtype) + 1, '\x7E')};
}

/// Calls visit(index in the box, flat index in the tensor) for every element.
template <typename Visit>
void for_each_element(const SampleTensor& tensor, const Box& box, Visit&& visit) {
  Shape at(box.size.size(), 0);
  for (std::int64_t i = 0; i < box.elements(); ++i) {
    std::int64_t flat = 0;
    for (std::size_t d = 0; d < at.size(); ++d) flat = flat * tensor.shape[d] + box.offset[d] + at[d];
    visit(i, flat);
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < box.size[d]) break;
      at[d] = 0;
    }
  }
}

using ValueOf = double (*)(const SampleTensor& tensor, std::int64_t flat, std::int64_t step);

inline void fill(BoxMemory& memory, std::int64_t step, ValueOf value_of_element = value_of) {
  for_each_element(*memory.tensor, memory.box, [&](std::int64_t i, std::int64_t flat) {
    const double value = value_of_element(*memory.tensor, flat, step);
    const auto narrow = static_cast<float>(value);
    if (memory.tensor->dtype == DataType::kFloat32) {
      std::memcpy(static_cast<char*>(memory.data()) + i * 4, &narrow, 4);
    } else {
      std::memcpy(static_cast<char*>(memory.data()) + i * 8, &value, 8);
    }
  });
}

/// The number of elements that are not value_of().
inline std::int64_t wrong_elements(BoxMemory& memory, DataType dtype, std::int64_t step) {
  std::int64_t wrong = 0;
  for_each_element(*memory.tensor, memory.box, [&](std::int64_t i, std::int64_t flat) {
    double read = 0;
    float narrow = 0;
    if (dtype == DataType::kFloat32) {
      std::memcpy(&narrow, static_cast<char*>(memory.data()) + i * 4, 4);
      read = narrow;
    } else {
      std::memcpy(&read, static_cast<char*>(memory.data()) + i * 8, 8);
    }
    wrong += std::bit_cast<std::uint64_t>(read) != std::bit_cast<std::uint64_t>(value_of(*memory.tensor, flat, step));
  });
  return wrong;
}

/// A small model: matrices, vectors, a scalar, an odd shape, three slots.
inline std::vector<SampleTensor> sample_tensors(DataType dtype = DataType::kFloat32) {
  std::vector<SampleTensor> tensors;
  for (const std::string slot : {kParam, kAdamM, kAdamV}) {
    tensors.push_back({slot, "embed.tokens", {37, 16}, dtype});
    tensors.push_back({slot, "layers.0.attention.q.weight", {16, 16}, dtype});
    tensors.push_back({slot, "layers.0.ffn.up.weight", {48, 16}, dtype});
    tensors.push_back({slot, "layers.0.norm.weight", {16}, dtype});
    tensors.push_back({slot, "odd", {3, 5, 7}, dtype});
    tensors.push_back({slot, "scalar", {}, dtype});
  }
  return tensors;
}

/// The boxes that a rank of a layout holds: tensors are spread over `pp`, cut along dim 0 or 1 over `tp` (by the
/// tensor's index), replicated over `dp` (parameters) or cut in flat ranges over it (moments, when `zero`).
struct Layout {
  int tp = 1;
  int dp = 1;
  int pp = 1;
  bool zero = false;

  int ranks() const { return tp * dp * pp; }
};

inline std::vector<std::pair<std::size_t, Box>> boxes_of(const std::vector<SampleTensor>& tensors, const Layout& layout,
                                                         int rank) {
  const int tp_rank = rank % layout.tp;
  const int dp_rank = rank / layout.tp % layout.dp;
  const int pp_rank = rank / layout.tp / layout.dp;
  std::vector<std::pair<std::size_t, Box>> boxes;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const auto& tensor = tensors[t];
    if (static_cast<int>(t % static_cast<std::size_t>(layout.pp)) != pp_rank) continue;
    Box box = topology::whole(tensor.shape);
    const std::size_t dim = t % 2;
    if (dim < tensor.shape.size() && layout.tp > 1) {
      const std::int64_t length = tensor.shape[dim];
      const std::int64_t begin = length * tp_rank / layout.tp;
      box.offset[dim] = begin;
      box.size[dim] = length * (tp_rank + 1) / layout.tp - begin;
    } else if (tp_rank != 0) {
      continue;
    }
    if (!layout.zero || tensor.slot == kParam) {
      boxes.emplace_back(t, box);
      continue;
    }
    const std::int64_t first = box.elements() * dp_rank / layout.dp;
    const std::int64_t last = box.elements() * (dp_rank + 1) / layout.dp;
    for (Box part : topology::boxes_of_range(box.size, first, last - first)) {
      for (std::size_t d = 0; d < part.offset.size(); ++d) part.offset[d] += box.offset[d];
      boxes.emplace_back(t, part);
    }
  }
  return boxes;
}

inline SaveInfo sample_info(const std::filesystem::path& run_directory, std::int64_t step) {
  SaveInfo info;
  info.directory = run_directory / "checkpoints";
  info.step = step;
  info.run_id = "sample";
  info.attempt = 1;
  info.token = "token";
  info.options = "[run]\nname = sample\n";
  info.layout = {{"tp", 1}};
  info.cursor = {{"consumed_samples", step * 8}};
  info.extra = {{"note", "x"}};
  info.versions = {{"hdf5", "1"}};
  return info;
}

/// One rank's part of a save of the sample model.
inline SaveResult save_sample(Coordinator& coordinator, base::FileSystem& files, const SaveInfo& info,
                              const std::vector<SampleTensor>& tensors, const Layout& layout,
                              ValueOf value_of_element = value_of) {
  std::vector<BoxMemory> memory;
  for (const auto& [t, box] : boxes_of(tensors, layout, coordinator.rank())) {
    memory.push_back(make_memory(tensors[t], box, tensors[t].dtype));
    fill(memory.back(), info.step, value_of_element);
  }
  std::vector<StoredBox> stored;
  for (auto& m : memory) {
    stored.push_back({m.tensor->slot, m.tensor->name, m.tensor->shape, m.tensor->dtype, m.box, m.data()});
  }
  return Writer(coordinator, files).save(info, stored);
}

/// One rank's part of a load; returns how many of its elements are not what step `step` saved.
inline std::int64_t load_sample(Reader& reader, Coordinator& coordinator, const std::vector<SampleTensor>& tensors,
                                const Layout& layout, DataType dtype, std::int64_t step,
                                const LoadOptions& options = {}) {
  std::vector<BoxMemory> memory;
  for (const auto& [t, box] : boxes_of(tensors, layout, coordinator.rank())) {
    memory.push_back(make_memory(tensors[t], box, dtype));
  }
  std::vector<WantedBox> wanted;
  for (auto& m : memory) {
    wanted.push_back({m.tensor->slot, m.tensor->name, m.tensor->shape, dtype, m.box, m.data()});
  }
  reader.load(wanted, options);
  std::int64_t wrong = 0;
  for (auto& m : memory) wrong += wrong_elements(m, dtype, step);
  return wrong;
}

}  // namespace trireme::checkpoint::tests
