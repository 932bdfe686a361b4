// The training's state in any layout, without a trainer: what each rank holds comes from the trainer's own arithmetic,
// the files are real, the ranks are threads. No MPI, no LibTorch.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "models/layout/state_boxes.hpp"
#include "tests/support/small_models.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::tests {

using checkpoint::Box;
using checkpoint::Coordinator;
using checkpoint::DataType;
using checkpoint::kAdamM;
using checkpoint::kAdamV;
using checkpoint::kParam;
using checkpoint::Shape;

inline constexpr std::int64_t kStep = 3;

/// One box that a rank holds, in the rank's memory from `offset` bytes on.
struct Part {
  std::string slot;
  std::string tensor;
  Shape shape;
  Box box;
  bool stored;
  std::size_t offset;
};

struct Layout {
  std::string name;
  layout::StateLayout state;
  DataType dtype;
  std::vector<std::vector<Part>> parts_of_rank;
};

inline std::vector<Part> parts_of(const layout::StateLayout& layout, DataType dtype, int rank) {
  const layout::RankState state = layout::state_of_rank(layout, topology::Mesh(layout.degrees).coordinates(rank));
  std::vector<Part> parts;
  std::size_t offset = 0;
  for (const std::string slot : {kParam, kAdamM, kAdamV}) {
    for (const layout::HeldBox& held :
         slot == kParam ? layout::parameter_boxes(layout, state) : layout::update_boxes(layout, state)) {
      const auto& tensor = state.flat.parameters[static_cast<std::size_t>(held.parameter)].tensor;
      parts.push_back({slot, tensor.name, tensor.shape, held.box, held.stored, offset});
      offset += static_cast<std::size_t>(held.box.elements()) * size_of(dtype);
    }
  }
  return parts;
}

/// tp{1,2,4} x pp{1,2,4} x dp{1,2,3} x zero{0,1}; chunks per stage, precision (fp32, fp64, bf16 with fp32 masters) and
/// bucket sizes go round, so that they change between most pairs.
inline std::vector<Layout> all_layouts(const spec::ModelConfig& model) {
  const spec::ModelPlan plan = spec::make_plan(model);
  std::vector<Layout> layouts;
  for (const int tp : {1, 2, 4}) {
    for (const int pp : {1, 2, 4}) {
      for (const int dp : {1, 2, 3}) {
        for (const int zero : {0, 1}) {
          const std::size_t number = layouts.size();
          Layout one;
          one.state.model = plan;
          one.state.degrees = {tp, 1, dp, pp};
          one.state.zero = zero;
          one.state.chunks = pp > 1 && 2 * pp <= model.layers ? 1 + static_cast<int>(number / 2 % 2) : 1;
          one.state.masters = number % 3 == 2;
          one.state.boundary = std::array<std::int64_t, 3>{16, 8, 32}[number % 3];
          one.state.bucket.least = std::array<std::int64_t, 4>{1, 500, 2000, 1 << 20}[number % 4];
          one.state.bucket.most = one.state.bucket.least;
          one.dtype = number % 3 == 1 ? DataType::kFloat64 : DataType::kFloat32;
          one.name = base::str(topology::to_string(one.state.degrees), " zero ", zero, " chunks ", one.state.chunks,
                               " precision ", std::array<const char*, 3>{"fp32", "fp64", "bf16"}[number % 3]);
          for (int rank = 0; rank < one.state.degrees.world(); ++rank) {
            one.parts_of_rank.push_back(parts_of(one.state, one.dtype, rank));
          }
          layouts.push_back(std::move(one));
        }
      }
    }
  }
  return layouts;
}

/// What memory holds before a load.
inline constexpr float kInitial = -1;

/// All elements of the state, each as no other, exact in fp32.
class Truth {
 public:
  explicit Truth(const spec::ModelConfig& model) {
    std::size_t first = 0;
    for (const auto& tensor : spec::logical_tensors(spec::make_plan(model))) {
      for (const std::string slot : {kParam, kAdamM, kAdamV}) {
        auto& values = values_[{slot, tensor.name}];
        values.resize(static_cast<std::size_t>(topology::elements_of(tensor.shape)));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(first + i);
        first += 4096;  // more than any tensor has, so that a grown vocabulary changes no other tensor
      }
    }
  }

  /// Elements of a tensor from `first` on are as they were before the load.
  void keep_initial(const std::string& tensor, std::int64_t first) {
    for (const std::string slot : {kParam, kAdamM, kAdamV}) {
      auto& values = values_.at({slot, tensor});
      std::fill(values.begin() + first, values.end(), kInitial);
    }
  }

  /// Calls visit(element of the box, its value) in order.
  template <typename Visit>
  void visit(const Part& part, const Visit& visit) const {
    const auto& values = values_.at({part.slot, part.tensor});
    const std::int64_t columns = part.shape.size() == 2 ? part.shape[1] : 1;
    const std::int64_t first = part.shape.size() == 2 ? part.box.offset[1] : 0;
    const std::int64_t width = part.shape.size() == 2 ? part.box.size[1] : 1;
    for (std::int64_t row = 0; row < part.box.size[0]; ++row) {
      for (std::int64_t column = 0; column < width; ++column) {
        visit(static_cast<std::size_t>(row * width + column),
              values[static_cast<std::size_t>((part.box.offset[0] + row) * columns + first + column)]);
      }
    }
  }

 private:
  std::map<std::pair<std::string, std::string>, std::vector<float>> values_;
};

inline std::size_t bytes_of(const std::vector<Part>& parts, DataType dtype) {
  if (parts.empty()) return 0;
  return parts.back().offset + static_cast<std::size_t>(parts.back().box.elements()) * size_of(dtype);
}

template <typename Type>
void fill(const Truth& truth, const Part& part, char* memory) {
  auto* data = reinterpret_cast<Type*>(memory + part.offset);
  truth.visit(part, [&](std::size_t element, float value) { data[element] = static_cast<Type>(value); });
}

template <typename Type>
void fill_initial(std::vector<char>& memory) {
  std::fill_n(reinterpret_cast<Type*>(memory.data()), memory.size() / sizeof(Type), static_cast<Type>(kInitial));
}

template <typename Type>
std::int64_t equal_elements(const Truth& truth, const Part& part, const char* memory) {
  const auto* data = reinterpret_cast<const Type*>(memory + part.offset);
  std::int64_t equal = 0;
  truth.visit(part, [&](std::size_t element, float value) { equal += data[element] == static_cast<Type>(value); });
  return equal;
}

inline std::filesystem::path save(const Layout& layout, const Truth& truth, const std::filesystem::path& directory) {
  base::PosixFileSystem files;
  checkpoint::SaveInfo info;
  info.directory = directory / "checkpoints";
  info.step = kStep;
  info.run_id = "resharding";
  info.token = "token";
  const int ranks = layout.state.degrees.world();
  run_ranks(ranks, ranks > 4 ? 2 : 1, [&](Coordinator& coordinator) {
    const auto& parts = layout.parts_of_rank[static_cast<std::size_t>(coordinator.rank())];
    std::vector<char> memory(bytes_of(parts, layout.dtype));
    std::vector<checkpoint::StoredBox> stored;
    for (const Part& part : parts) {
      if (!part.stored) continue;
      layout.dtype == DataType::kFloat64 ? fill<double>(truth, part, memory.data())
                                         : fill<float>(truth, part, memory.data());
      stored.push_back({part.slot, part.tensor, part.shape, layout.dtype, part.box, memory.data() + part.offset});
    }
    const auto result = checkpoint::Writer(coordinator, files).save(info, stored);
    if (!result.ok) throw base::Error(result.error);
  });
  return info.directory / base::str("step_", kStep);
}

struct Compared {
  std::int64_t elements = 0;
  std::int64_t equal = 0;
};

/// Loads every rank's state and compares each element that any rank holds.
inline Compared load(const Layout& layout, const Truth& truth, const std::filesystem::path& path,
                     const checkpoint::LoadOptions& options = {}) {
  base::PosixFileSystem files;
  std::atomic<std::int64_t> elements = 0;
  std::atomic<std::int64_t> equal = 0;
  run_ranks(layout.state.degrees.world(), 1, [&](Coordinator& coordinator) {
    const auto& parts = layout.parts_of_rank[static_cast<std::size_t>(coordinator.rank())];
    std::vector<char> memory(bytes_of(parts, layout.dtype));
    layout.dtype == DataType::kFloat64 ? fill_initial<double>(memory) : fill_initial<float>(memory);
    std::vector<checkpoint::WantedBox> wanted;
    for (const Part& part : parts) {
      wanted.push_back({part.slot, part.tensor, part.shape, layout.dtype, part.box, memory.data() + part.offset});
    }
    checkpoint::Reader::open(coordinator, files, path)->load(wanted, options);
    std::int64_t mine = 0;
    std::int64_t good = 0;
    for (const Part& part : parts) {
      mine += part.box.elements();
      good += layout.dtype == DataType::kFloat64 ? equal_elements<double>(truth, part, memory.data())
                                                 : equal_elements<float>(truth, part, memory.data());
    }
    elements += mine;
    equal += good;
  });
  return {elements, equal};
}

/// Layers that no pp divides, a vocabulary and a feed-forward width that no tp divides, key/value heads that tp ranks
/// share, with the embedding tied.
inline spec::ModelConfig tied_llama() {
  return small_model_of(
      "llama",
      {.layers = 9, .hidden = 8, .heads = 4, .kv_heads = 2, .ffn = 10, .sequence = 8, .vocab = 61, .tied = true});
}

/// Biases and positions; a vocabulary of which the last of four tp ranks has only a row; untied.
inline spec::ModelConfig untied_gpt2() {
  return small_model_of("gpt2",
                        {.layers = 5, .hidden = 8, .heads = 4, .kv_heads = 4, .ffn = 10, .sequence = 8, .vocab = 13});
}

inline std::filesystem::path memory_directory() {
  if (const char* own = std::getenv("TRIREME_SHM")) return own;  // of the suite: see tests/support/leftovers.py
  return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
}

}  // namespace trireme::tests
