#include "io/checkpoint/tools/statistics.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <span>

#include "base/error.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/format/parallel.hpp"

namespace trireme::checkpoint {
namespace {

/// Sums in which squares of fp64 values do not overflow.
struct Sums {
  std::int64_t not_finite = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  long double sum = 0;
  long double squares = 0;

  void add(const Sums& other) {
    not_finite += other.not_finite;
    min = std::min(min, other.min);
    max = std::max(max, other.max);
    sum += other.sum;
    squares += other.squares;
  }
};

/// `Sum` must hold the square of any Element.
template <typename Element, typename Sum>
Sums sums_of(std::span<const char> bytes) {
  const std::span elements(reinterpret_cast<const Element*>(bytes.data()), bytes.size() / sizeof(Element));
  Sums sums;
  Sum sum = 0;
  Sum squares = 0;
  for (const Element element : elements) {
    if (!std::isfinite(element)) {
      ++sums.not_finite;
      continue;
    }
    const Sum value = element;
    sums.min = std::min<double>(sums.min, element);
    sums.max = std::max<double>(sums.max, element);
    sum += value;
    squares += value * value;
  }
  sums.sum = sum;
  sums.squares = squares;
  return sums;
}

TensorStatistics to_statistics(const Sums& sums, std::int64_t elements) {
  TensorStatistics statistics{.elements = elements, .not_finite = sums.not_finite};
  if (!statistics.any_finite()) return statistics;
  statistics.min = sums.min;
  statistics.max = sums.max;
  statistics.mean = static_cast<double>(sums.sum / static_cast<long double>(elements - sums.not_finite));
  statistics.norm = static_cast<double>(std::sqrt(sums.squares));
  return statistics;
}

}  // namespace

std::vector<TensorStatistics> statistics(base::FileSystem& files, const OpenedCheckpoint& opened, int threads,
                                         const ReadProgress& progress) {
  const std::vector<Block> blocks = blocks_of(opened.table);
  std::vector<Sums> of_blocks(blocks.size());
  std::atomic<std::uint64_t> read = 0;
  for_each_part(blocks.size(), threads, [&]() -> PartWorker {
    const auto reader = std::make_shared<BlockReader>(files, opened);
    return [&, reader](std::size_t i) {
      const auto bytes = reader->read(blocks[i]);
      const bool narrow = opened.table.tensors[blocks[i].box->tensor].dtype == DataType::kFloat32;
      of_blocks[i] = narrow ? sums_of<float, double>(bytes) : sums_of<double, long double>(bytes);
      if (!progress(read += bytes.size())) throw base::Stopped("the reading was stopped");
    };
  });
  std::vector<Sums> of_tensors(opened.table.tensors.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) of_tensors[blocks[i].box->tensor].add(of_blocks[i]);
  std::vector<TensorStatistics> result;
  for (std::size_t t = 0; t < of_tensors.size(); ++t) {
    result.push_back(to_statistics(of_tensors[t], topology::elements_of(opened.table.tensors[t].shape)));
  }
  return result;
}

}  // namespace trireme::checkpoint
