#include "io/checkpoint/compare.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/reader.hpp"

namespace trireme::checkpoint {
namespace {

constexpr std::int64_t kBatchElements = 16 << 20;  // of each side, held as fp64

/// Some rows of a tensor that both have.
struct Chunk {
  TensorComparison* into;
  Box box;
  std::size_t first;  // of its elements in the batch
};

void compare_chunk(const Chunk& chunk, const double* a, const double* b) {
  TensorComparison& into = *chunk.into;
  for (std::int64_t i = 0; i < chunk.box.elements(); ++i) {
    into.largest_a = std::max(into.largest_a, std::abs(a[i]));
    into.largest_b = std::max(into.largest_b, std::abs(b[i]));
    if (std::bit_cast<std::uint64_t>(a[i]) == std::bit_cast<std::uint64_t>(b[i])) continue;
    ++into.differing;
    const double difference = std::abs(a[i] - b[i]);
    into.largest_difference = std::max(into.largest_difference,
                                       std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
  }
}

class Comparison {
 public:
  Comparison(base::FileSystem& files, const std::filesystem::path& a, const std::filesystem::path& b)
      : a_(Reader::open(coordinator_, files, a)), b_(Reader::open(coordinator_, files, b)) {}

  std::vector<TensorComparison> run() {
    std::map<std::pair<Kind, std::string>, TensorComparison> results;
    for (const auto& tensor : b_->table().tensors) {
      results[{tensor.kind, tensor.name}] = {tensor.kind, tensor.name, tensor.shape, "only in B"};
    }
    for (const auto& tensor : a_->table().tensors) {
      auto& result = results[{tensor.kind, tensor.name}];
      const auto other = b_->table().find(tensor.kind, tensor.name);
      result = {tensor.kind, tensor.name, tensor.shape, other < 0 ? "only in A" : ""};
      if (other < 0) continue;
      if (b_->table().tensors[other].shape != tensor.shape) {
        result.mismatch = "shapes differ";
        continue;
      }
      result.same_type = b_->table().tensors[other].dtype == tensor.dtype;
      add(result);
    }
    flush();
    std::vector<TensorComparison> list;
    for (auto& [key, result] : results) list.push_back(std::move(result));
    return list;
  }

 private:
  /// Cuts a tensor into chunks along its first dim; batches are compared as they fill.
  void add(TensorComparison& tensor) {
    const Box all = topology::whole(tensor.shape);
    const std::int64_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
    const std::int64_t row = all.elements() / rows;
    for (std::int64_t first = 0; first < rows;) {
      if (used_ + row > kBatchElements && used_ > 0) flush();
      const std::int64_t count = std::clamp<std::int64_t>((kBatchElements - used_) / row, 1, rows - first);
      Box box = all;
      if (!box.size.empty()) {
        box.offset[0] = first;
        box.size[0] = count;
      }
      chunks_.push_back({&tensor, box, static_cast<std::size_t>(used_)});
      used_ += count * row;
      first += count;
    }
  }

  void flush() {
    const auto fill = [&](Reader& reader, std::vector<double>& memory) {
      memory.resize(static_cast<std::size_t>(used_));
      std::vector<WantedBox> wanted;
      for (const auto& chunk : chunks_) {
        wanted.push_back({chunk.into->kind, chunk.into->name, chunk.into->shape, DataType::kFloat64, chunk.box,
                          memory.data() + chunk.first});
      }
      LoadOptions options;
      options.kinds = {Kind::kParam, Kind::kAdamM, Kind::kAdamV, Kind::kGrad};
      options.part = true;
      reader.load(wanted, options);
    };
    fill(*a_, memory_a_);
    fill(*b_, memory_b_);
    for (const auto& chunk : chunks_) {
      compare_chunk(chunk, memory_a_.data() + chunk.first, memory_b_.data() + chunk.first);
    }
    chunks_.clear();
    used_ = 0;
  }

  SingleProcess coordinator_;
  std::unique_ptr<Reader> a_;
  std::unique_ptr<Reader> b_;
  std::vector<Chunk> chunks_;
  std::int64_t used_ = 0;
  std::vector<double> memory_a_;
  std::vector<double> memory_b_;
};

}  // namespace

std::vector<TensorComparison> compare(base::FileSystem& files, const std::filesystem::path& a,
                                      const std::filesystem::path& b) {
  return Comparison(files, a, b).run();
}

}  // namespace trireme::checkpoint
