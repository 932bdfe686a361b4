#include "io/checkpoint/tools/compare.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/checkpoint/format/shard_metadata.hpp"

namespace trireme::checkpoint {
namespace {

/// What one block contributes to its tensor's comparison.
struct Sums {
  std::int64_t differing = 0;
  double largest_difference = 0;
  double largest_a = 0;
  double largest_b = 0;
};

template <typename A, typename B>
void compare_run(const char* a_bytes, const char* b_bytes, std::int64_t count, Sums& sums) {
  const A* a_values = reinterpret_cast<const A*>(a_bytes);
  const B* b_values = reinterpret_cast<const B*>(b_bytes);
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = a_values[i];
    const double b = b_values[i];
    sums.largest_a = std::max(sums.largest_a, std::abs(a));
    sums.largest_b = std::max(sums.largest_b, std::abs(b));
    if (std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b)) continue;
    ++sums.differing;
    const double difference = std::abs(a - b);
    sums.largest_difference = std::max(sums.largest_difference,
                                       std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
  }
}

using CompareRun = void (*)(const char*, const char*, std::int64_t, Sums&);

CompareRun compare_run_of(DataType a, DataType b) {
  if (a == DataType::kFloat32) return b == DataType::kFloat32 ? compare_run<float, float> : compare_run<float, double>;
  return b == DataType::kFloat32 ? compare_run<double, float> : compare_run<double, double>;
}

/// The elements of a box of the tensor, dense and row-major.
struct Piece {
  Box box;
  const char* data;
  std::size_t element_size;
};

void compare_pieces(const Piece& a, const Piece& b, CompareRun compare_run, Sums& sums) {
  const auto part = topology::intersect(a.box, b.box);
  if (!part) return;
  // In the dims from `outer` on the elements lie in one run on both sides.
  std::size_t outer = part->size.size();
  std::int64_t run = 1;
  while (outer > 0) {
    run *= part->size[--outer];
    if (part->size[outer] != a.box.size[outer] || part->size[outer] != b.box.size[outer]) break;
  }
  Shape at = part->offset;
  for (std::int64_t left = part->elements(); left > 0; left -= run) {
    const auto place = [&](const Piece& piece) {
      return piece.data + static_cast<std::size_t>(topology::index_in(piece.box, at)) * piece.element_size;
    };
    compare_run(place(a), place(b), run, sums);
    for (std::size_t d = outer; d-- > 0;) {
      if (++at[d] < part->offset[d] + part->size[d]) break;
      at[d] = part->offset[d];
    }
  }
}

/// One of the two checkpoints, for one thread.
class Side {
 public:
  Side(base::FileSystem& files, const OpenedCheckpoint& opened) : table_(opened.table), reader_(files, opened) {}

  /// Returns the block's elements, valid until the next call, as a few boxes, since a block is a flat range of its box.
  std::vector<Piece> read(const Block& block) {
    const Box& box = block.box->box;
    const std::size_t size = size_of(table_.tensors[block.box->tensor].dtype);
    const auto bytes = reader_.read(block);
    const auto first = static_cast<std::int64_t>(block.block * (kBlockBytes / size));
    const char* data = bytes.data();
    std::vector<Piece> pieces;
    for (Box& part : topology::boxes_of_range(box.size, first, static_cast<std::int64_t>(bytes.size() / size))) {
      for (std::size_t d = 0; d < part.offset.size(); ++d) part.offset[d] += box.offset[d];
      const std::int64_t elements = part.elements();
      pieces.push_back({std::move(part), data, size});
      data += static_cast<std::size_t>(elements) * size;
    }
    return pieces;
  }

  /// The numbers of the blocks of a box that hold elements of any of the pieces.
  std::set<std::uint32_t> touched(const TableBox& box, const std::vector<Piece>& pieces) const {
    const auto elements = static_cast<std::int64_t>(kBlockBytes / size_of(table_.tensors[box.tensor].dtype));
    std::set<std::uint32_t> blocks;
    for (const auto& piece : pieces) {
      const auto part = topology::intersect(box.box, piece.box);
      if (!part) continue;
      Shape last = part->offset;
      for (std::size_t d = 0; d < last.size(); ++d) last[d] += part->size[d] - 1;
      const std::int64_t end = topology::index_in(box.box, last) / elements;
      for (std::int64_t i = topology::index_in(box.box, part->offset) / elements; i <= end; ++i) {
        blocks.insert(static_cast<std::uint32_t>(i));
      }
    }
    return blocks;
  }

 private:
  const BoxTable& table_;
  BlockReader reader_;
};

Sums compare_block(const Block& block, Side& a, Side& b, const BoxTable& b_table, const TableTensor& b_tensor,
                   CompareRun compare_run) {
  Sums sums;
  const std::vector<Piece> pieces = a.read(block);
  for (std::size_t i = b_tensor.first_box; i < b_tensor.first_box + b_tensor.box_count; ++i) {
    const TableBox& box = b_table.boxes[i];
    for (const std::uint32_t number : b.touched(box, pieces)) {
      for (const Piece& other : b.read({&box, number})) {
        for (const Piece& piece : pieces) compare_pieces(piece, other, compare_run, sums);
      }
    }
  }
  return sums;
}

void check_all_metadata(base::FileSystem& files, const OpenedCheckpoint& opened, int threads) {
  for_each_part(opened.manifest.files.size(), threads, [&]() -> PartWorker {
    return [&](std::size_t file) {
      check_metadata(files, opened.path, opened.manifest, opened.table, static_cast<std::uint32_t>(file));
    };
  });
}

using Results = std::map<std::pair<std::string, std::string>, TensorComparison, TensorOrder>;

/// Lists all tensors of both, with nothing compared yet.
Results tensors_of(const BoxTable& a, const BoxTable& b) {
  Results results;
  for (const auto& tensor : b.tensors) {
    results[{tensor.slot, tensor.name}] = {tensor.slot, tensor.name, tensor.shape, "only in B"};
  }
  for (const auto& tensor : a.tensors) {
    auto& result = results[{tensor.slot, tensor.name}];
    const auto index = b.find(tensor.slot, tensor.name);
    result = {tensor.slot, tensor.name, tensor.shape, index < 0 ? "only in A" : ""};
    if (index < 0) continue;
    const auto& other = b.tensors[static_cast<std::size_t>(index)];
    if (other.shape != tensor.shape) result.mismatch = "shapes differ";
    result.same_type = other.dtype == tensor.dtype;
  }
  return results;
}

}  // namespace

std::vector<TensorComparison> compare(base::FileSystem& files, const std::filesystem::path& a_path,
                                      const std::filesystem::path& b_path, int threads, const ReadProgress& progress) {
  const OpenedCheckpoint a = open_checkpoint(files, a_path);
  const OpenedCheckpoint b = open_checkpoint(files, b_path);
  for (const auto* opened : {&a, &b}) check_all_metadata(files, *opened, threads);
  Results results = tensors_of(a.table, b.table);
  const auto result_of = [&](const Block& block) -> TensorComparison& {
    const auto& tensor = a.table.tensors[block.box->tensor];
    return results.at({tensor.slot, tensor.name});
  };
  std::vector<Block> blocks = blocks_of(a.table);
  std::erase_if(blocks, [&](const Block& block) { return !result_of(block).mismatch.empty(); });
  std::vector<Sums> sums(blocks.size());
  std::atomic<std::uint64_t> compared = 0;
  for_each_part(blocks.size(), threads, [&]() -> PartWorker {
    const auto side_a = std::make_shared<Side>(files, a);
    const auto side_b = std::make_shared<Side>(files, b);
    return [&, side_a, side_b](std::size_t i) {
      const auto& tensor = a.table.tensors[blocks[i].box->tensor];
      const auto& other = b.table.tensors[static_cast<std::size_t>(b.table.find(tensor.slot, tensor.name))];
      sums[i] = compare_block(blocks[i], *side_a, *side_b, b.table, other, compare_run_of(tensor.dtype, other.dtype));
      const std::uint64_t bytes = std::min(kBlockBytes, a.table.bytes_of(*blocks[i].box));
      const std::uint64_t both = bytes + bytes / size_of(tensor.dtype) * size_of(other.dtype);
      if (!progress(compared += both)) throw base::Stopped("the comparison was stopped");
    };
  });
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    TensorComparison& into = result_of(blocks[i]);
    into.differing += sums[i].differing;
    into.largest_difference = std::max(into.largest_difference, sums[i].largest_difference);
    into.largest_a = std::max(into.largest_a, sums[i].largest_a);
    into.largest_b = std::max(into.largest_b, sums[i].largest_b);
  }
  std::vector<TensorComparison> list;
  for (auto& [key, result] : results) list.push_back(std::move(result));
  return list;
}

}  // namespace trireme::checkpoint
