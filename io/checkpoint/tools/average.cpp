#include "io/checkpoint/tools/average.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/tools/verified_ranges.hpp"

namespace trireme::checkpoint {
namespace {

using base::InputError;
using base::str;
using AddRun = void (*)(const char* values, std::int64_t count, double weight, double* sums);

/// Elements that are added up at a time: their sums, 8 MiB, stay near the core.
constexpr std::int64_t kRangeElements = 1 << 20;
/// Shards that are kept open, of all sources together.
constexpr std::size_t kOpenFiles = 128;

bool is_parameter(const TableTensor& tensor) { return tensor.slot == kParam; }

/// The tensor's place in the table; nullptr when the checkpoint lacks it.
const TableTensor* find_parameter(const OpenedCheckpoint& opened, const std::string& name) {
  const std::ptrdiff_t index = opened.table.find(kParam, name);
  return index < 0 ? nullptr : &opened.table.tensors[static_cast<std::size_t>(index)];
}

std::string shape_text(const Shape& shape) { return topology::to_string(topology::whole(shape)); }

[[noreturn]] void refuse(const OpenedCheckpoint& a, const OpenedCheckpoint& b, const std::string& difference) {
  throw InputError(str(a.path.string(), " and ", b.path.string(), " are of different models: ", difference,
                       ": leave one of them out"));
}

void require_same_tensors(const OpenedCheckpoint& a, const OpenedCheckpoint& b) {
  for (const TableTensor& tensor : a.table.tensors) {
    if (!is_parameter(tensor)) continue;
    const TableTensor* other = find_parameter(b, tensor.name);
    if (other == nullptr) refuse(a, b, str("the second one has no ", tensor.name));
    if (other->shape == tensor.shape) continue;
    refuse(a, b,
           str(tensor.name, " is ", shape_text(tensor.shape), " in the first and ", shape_text(other->shape),
               " in the second"));
  }
  for (const TableTensor& tensor : b.table.tensors) {
    if (is_parameter(tensor) && find_parameter(a, tensor.name) == nullptr) {
      refuse(a, b, str("the first one has no ", tensor.name));
    }
  }
}

template <typename Element, bool kFirst>
void add_run(const char* values, std::int64_t count, double weight, double* sums) {
  const Element* elements = reinterpret_cast<const Element*>(values);
  for (std::int64_t i = 0; i < count; ++i) {
    const double term = weight * static_cast<double>(elements[i]);
    sums[i] = kFirst ? term : sums[i] + term;
  }
}

AddRun add_run_of(DataType type, bool first) {
  if (type == DataType::kFloat32) return first ? add_run<float, true> : add_run<float, false>;
  return first ? add_run<double, true> : add_run<double, false>;
}

/// Leads through the elements of `part` of a tensor in row-major order, in runs that lie side by side in the tensor.
class Runs {
 public:
  Runs(const Shape& shape, const Box& part) : shape_(topology::whole(shape)), part_(part), at_(part.offset) {
    outer_ = part.size.size();
    while (outer_ > 0) {
      length_ *= part.size[--outer_];
      if (part.size[outer_] != shape[outer_]) break;
    }
  }

  /// Calls visit(flat index in the tensor, how many) for the next `count` elements.
  template <typename Visit>
  void take(std::int64_t count, const Visit& visit) {
    while (count > 0) {
      const std::int64_t number = std::min(count, length_ - done_);
      visit(topology::index_in(shape_, at_) + done_, number);
      count -= number;
      done_ += number;
      if (done_ == length_) next();
    }
  }

 private:
  void next() {
    done_ = 0;
    for (std::size_t d = outer_; d-- > 0;) {
      if (++at_[d] < part_.offset[d] + part_.size[d]) break;
      at_[d] = part_.offset[d];
    }
  }

  Box shape_;
  const Box& part_;
  Shape at_;               ///< of the run's first element
  std::size_t outer_ = 0;  ///< the dims before this one count runs
  std::int64_t length_ = 1;
  std::int64_t done_ = 0;  ///< elements of the run that were visited
};

class Averager {
 public:
  Averager(base::FileSystem& files, std::span<const AverageSource> sources, const std::vector<WholeTensor>& tensors,
           const ReadProgress& progress)
      : sources_(sources), tensors_(tensors), progress_(progress) {
    for (const AverageSource& source : sources) {
      total_ += source.weight;
      ranges_.emplace_back(files, source.opened, std::max<std::size_t>(1, kOpenFiles / sources.size()));
    }
  }

  /// What one thread holds.
  struct Buffers {
    std::vector<double> sums = std::vector<double>(kRangeElements);
    std::vector<char> piece;
  };

  void fill(std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* into, Buffers& buffers) {
    const WholeTensor& what = tensors_[tensor];
    for (std::int64_t done = 0; done < count; done += kRangeElements) {
      const std::int64_t number = std::min(kRangeElements, count - done);
      for (std::size_t s = 0; s < sources_.size(); ++s) add(s, what, first + done, number, buffers);
      store(buffers.sums.data(), number, what.dtype, into + static_cast<std::size_t>(done) * size_of(what.dtype));
    }
  }

 private:
  /// Adds elements [first, first + count) of a source's tensor.
  void add(std::size_t source, const WholeTensor& what, std::int64_t first, std::int64_t count, Buffers& buffers) {
    const OpenedCheckpoint& opened = sources_[source].opened;
    const TableTensor& tensor = *find_parameter(opened, what.name);
    const std::size_t size = size_of(tensor.dtype);
    const AddRun add_run = add_run_of(tensor.dtype, source == 0);
    const double weight = sources_[source].weight;
    const std::vector<Box> parts = topology::boxes_of_range(what.shape, first, count);
    for (std::size_t b = tensor.first_box; b < tensor.first_box + tensor.box_count; ++b) {
      const TableBox& box = opened.table.boxes[b];
      for (const Box& wanted : parts) {
        const auto part = topology::intersect(wanted, box.box);
        if (!part) continue;
        // A range's part has whole rows but for its first dims of size 1 and one more, so what it shares with a box
        // lies in the box without gaps.
        const auto begin = static_cast<std::uint64_t>(topology::index_in(box.box, part->offset)) * size;
        const std::uint64_t end = begin + static_cast<std::uint64_t>(part->elements()) * size;
        Runs runs(what.shape, *part);
        ranges_[source].read(box, begin, end, buffers.piece, [&](std::span<const char> bytes) {
          const char* values = bytes.data();
          runs.take(static_cast<std::int64_t>(bytes.size() / size), [&](std::int64_t at, std::int64_t number) {
            add_run(values, number, weight, buffers.sums.data() + (at - first));
            values += static_cast<std::size_t>(number) * size;
          });
        });
      }
    }
    if (!progress_(added_ += static_cast<std::uint64_t>(count) * size))
      throw base::Stopped("the averaging was stopped");
  }

  void store(const double* sums, std::int64_t count, DataType type, std::byte* into) const {
    if (type == DataType::kFloat32) {
      auto* values = reinterpret_cast<float*>(into);
      for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(sums[i] / total_);
    } else {
      auto* values = reinterpret_cast<double*>(into);
      for (std::int64_t i = 0; i < count; ++i) values[i] = sums[i] / total_;
    }
  }

  std::span<const AverageSource> sources_;
  const std::vector<WholeTensor>& tensors_;
  const ReadProgress& progress_;
  std::deque<VerifiedRanges> ranges_;  ///< of each source
  double total_ = 0;
  std::atomic<std::uint64_t> added_ = 0;
};

}  // namespace

std::vector<WholeTensor> averaged_tensors(std::span<const AverageSource> sources) {
  const OpenedCheckpoint& first = sources.front().opened;
  for (const AverageSource& source : sources.subspan(1)) require_same_tensors(first, source.opened);
  std::vector<const TableTensor*> order;
  for (const TableTensor& tensor : first.table.tensors) {
    if (is_parameter(tensor)) order.push_back(&tensor);
  }
  if (order.empty()) throw InputError(str(first.path.string(), " holds no parameters: give another checkpoint"));
  std::ranges::sort(order, {}, [&](const TableTensor* tensor) {
    const TableBox& box = first.table.boxes[tensor->first_box];
    return std::tuple(box.file, box.offset);
  });
  std::vector<WholeTensor> tensors;
  for (const TableTensor* tensor : order) {
    const bool wide = std::ranges::any_of(sources, [&](const AverageSource& source) {
      return find_parameter(source.opened, tensor->name)->dtype == DataType::kFloat64;
    });
    tensors.push_back({tensor->name, tensor->shape, wide ? DataType::kFloat64 : DataType::kFloat32});
  }
  return tensors;
}

std::uint64_t averaged_bytes(std::span<const AverageSource> sources) {
  std::uint64_t bytes = 0;
  for (const AverageSource& source : sources) {
    const BoxTable& table = source.opened.table;
    for (const TableBox& box : table.boxes) {
      if (is_parameter(table.tensors[box.tensor])) bytes += table.bytes_of(box);
    }
  }
  return bytes;
}

std::uint64_t write_average(base::FileSystem& files, std::span<const AverageSource> sources,
                            const std::filesystem::path& directory, const Manifest& manifest,
                            const Averaging& averaging) {
  WholeWriting writing;
  writing.tensors = averaged_tensors(sources);
  writing.hub = averaging.hub;
  writing.threads = averaging.threads;
  Averager averager(files, sources, writing.tensors, averaging.progress);
  writing.make_fill = [&]() -> FillBlock {
    const auto buffers = std::make_shared<Averager::Buffers>();
    return [&averager, buffers](std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* into) {
      averager.fill(tensor, first, count, into, *buffers);
    };
  };
  return write_whole(files, directory, manifest, writing);
}

}  // namespace trireme::checkpoint
