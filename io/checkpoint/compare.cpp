#include "io/checkpoint/compare.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/parallel.hpp"
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

constexpr std::int64_t kSliceElements = 1 << 18;  // that one thread compares at a time

/// What a stretch of elements adds to a tensor's comparison.
struct Slice {
  std::int64_t differing = 0;
  double largest_difference = 0;
  double largest_a = 0;
  double largest_b = 0;
};

Slice compare_slice(const double* a, const double* b, std::int64_t count) {
  Slice slice;
  for (std::int64_t i = 0; i < count; ++i) {
    slice.largest_a = std::max(slice.largest_a, std::abs(a[i]));
    slice.largest_b = std::max(slice.largest_b, std::abs(b[i]));
    if (std::bit_cast<std::uint64_t>(a[i]) == std::bit_cast<std::uint64_t>(b[i])) continue;
    ++slice.differing;
    const double difference = std::abs(a[i] - b[i]);
    slice.largest_difference = std::max(slice.largest_difference,
                                        std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
  }
  return slice;
}

void merge(const Slice& slice, TensorComparison& into) {
  into.differing += slice.differing;
  into.largest_difference = std::max(into.largest_difference, slice.largest_difference);
  into.largest_a = std::max(into.largest_a, slice.largest_a);
  into.largest_b = std::max(into.largest_b, slice.largest_b);
}

class Comparison {
 public:
  Comparison(base::FileSystem& files, const std::filesystem::path& a, const std::filesystem::path& b, int threads,
             const ReadProgress& progress)
      : a_(Reader::open(coordinator_a_, files, a)),
        b_(Reader::open(coordinator_b_, files, b)),
        threads_(threads),
        progress_(progress) {}

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
    auto other = std::async(std::launch::async, [&] { fill(*b_, memory_b_); });
    fill(*a_, memory_a_);
    other.get();
    compare_batch();
    chunks_.clear();
    used_ = 0;
  }

  void compare_batch() {
    struct Part {
      TensorComparison* into;
      std::size_t first;
      std::int64_t count;
    };
    std::vector<Part> parts;
    for (const auto& chunk : chunks_) {
      const std::int64_t elements = chunk.box.elements();
      for (std::int64_t at = 0; at < elements; at += kSliceElements) {
        parts.push_back(
            {chunk.into, chunk.first + static_cast<std::size_t>(at), std::min(kSliceElements, elements - at)});
      }
    }
    std::vector<Slice> slices(parts.size());
    for_each_part(parts.size(), threads_, [&]() -> PartWorker {
      return [&](std::size_t i) {
        slices[i] = compare_slice(memory_a_.data() + parts[i].first, memory_b_.data() + parts[i].first, parts[i].count);
      };
    });
    for (std::size_t i = 0; i < parts.size(); ++i) merge(slices[i], *parts[i].into);
    for (const auto& chunk : chunks_) {
      const auto elements = static_cast<std::uint64_t>(chunk.box.elements());
      for (const auto* reader : {a_.get(), b_.get()}) {
        const auto index = reader->table().find(chunk.into->kind, chunk.into->name);
        compared_ += elements * size_of(reader->table().tensors[static_cast<std::size_t>(index)].dtype);
      }
    }
    if (!progress_(compared_)) throw base::Stopped("the comparison was stopped");
  }

  SingleProcess coordinator_a_;
  SingleProcess coordinator_b_;
  std::unique_ptr<Reader> a_;
  std::unique_ptr<Reader> b_;
  int threads_;
  const ReadProgress& progress_;
  std::uint64_t compared_ = 0;
  std::vector<Chunk> chunks_;
  std::int64_t used_ = 0;
  std::vector<double> memory_a_;
  std::vector<double> memory_b_;
};

}  // namespace

std::vector<TensorComparison> compare(base::FileSystem& files, const std::filesystem::path& a,
                                      const std::filesystem::path& b, int threads, const ReadProgress& progress) {
  return Comparison(files, a, b, threads, progress).run();
}

}  // namespace trireme::checkpoint
