#include "io/checkpoint/load/load_units.hpp"

#include <algorithm>

#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {

Slice slice_of(const BoxTable& table, Unit unit) {
  const TableBox& box = table.boxes[unit.box];
  const auto per_block = static_cast<std::int64_t>(kBlockBytes / size_of(table.tensors[box.tensor].dtype));
  const std::int64_t first = unit.block * per_block;
  return {first, std::min(per_block, box.box.elements() - first)};
}

std::size_t bytes_of(const BoxTable& table, Unit unit) {
  const DataType type = table.tensors[table.boxes[unit.box].tensor].dtype;
  return static_cast<std::size_t>(slice_of(table, unit).count) * size_of(type);
}

char* direct_destination(const BoxTable& table, Unit unit, const WantedBox& wanted) {
  const TableBox& stored = table.boxes[unit.box];
  if (wanted.dtype != table.tensors[stored.tensor].dtype) return nullptr;
  if (topology::intersect(stored.box, wanted.box) != stored.box) return nullptr;
  // The unit lies in one piece when both boxes differ in dim 0 at most: then the stored box is a run of whole rows of
  // the wanted one.
  std::int64_t row = 1;
  for (std::size_t d = 1; d < stored.box.size.size(); ++d) {
    if (stored.box.size[d] != wanted.box.size[d]) return nullptr;
    row *= stored.box.size[d];
  }
  const std::int64_t rows_before = stored.box.offset.empty() ? 0 : stored.box.offset[0] - wanted.box.offset[0];
  const std::int64_t first = rows_before * row + slice_of(table, unit).first;
  return static_cast<char*>(wanted.data) + static_cast<std::size_t>(first) * size_of(wanted.dtype);
}

void for_each_part(const Box& stored, Slice slice, const Boxes& wanted, const Visit& visit) {
  std::int64_t run_first = slice.first;
  for (Box& run : topology::boxes_of_range(stored.size, slice.first, slice.count)) {
    for (std::size_t d = 0; d < run.offset.size(); ++d) run.offset[d] += stored.offset[d];
    for (std::size_t w = 0; w < wanted.size(); ++w) {
      if (const auto part = topology::intersect(run, wanted[w])) visit(*part, w, run, run_first);
    }
    run_first += run.elements();
  }
}

std::int64_t elements_of_parts(const Box& stored, Slice slice, const Boxes& wanted) {
  std::int64_t elements = 0;
  for_each_part(stored, slice, wanted,
                [&](const Box& part, std::size_t, const Box&, std::int64_t) { elements += part.elements(); });
  return elements;
}

namespace {

std::vector<int> possible_readers(std::uint32_t file, const std::vector<Request>& requests, const Readers& readers) {
  std::vector<int> ranks;
  const auto* sees = readers.of_files.empty() ? nullptr : &readers.of_files[file];
  for (const auto& request : requests) {
    if (sees == nullptr || std::ranges::binary_search(*sees, request.rank)) ranks.push_back(request.rank);
  }
  return ranks.empty() && sees != nullptr ? *sees : ranks;
}

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): its requests are moved from, which clang-tidy 14 does not see
std::vector<std::vector<Assignment>> assign_readers(const BoxTable& table, std::map<Unit, std::vector<Request>> wishes,
                                                    const Readers& readers, int first) {
  std::vector<std::vector<Assignment>> assignments(static_cast<std::size_t>(readers.ranks));
  std::vector<std::int64_t> load(static_cast<std::size_t>(readers.ranks), 0);
  for (auto& [unit, requests] : wishes) {
    const std::vector<int> possible = possible_readers(table.boxes[unit.box].file, requests, readers);
    const int reader = *std::ranges::min_element(
        possible, {}, [&](int rank) { return std::pair(load[rank], (rank - first + readers.ranks) % readers.ranks); });
    load[reader] += slice_of(table, unit).count;
    assignments[reader].push_back({unit, std::move(requests)});
  }
  return assignments;
}

std::string encode_wishes(const std::vector<std::pair<Unit, Boxes>>& wishes) {
  Encoder out;
  out.put<std::uint64_t>(wishes.size());
  for (const auto& [unit, boxes] : wishes) {
    out.put(unit.box);
    out.put(unit.block);
    out.put<std::uint64_t>(boxes.size());
    for (const auto& box : boxes) out.put_box(box);
  }
  return out.take();
}

std::vector<std::pair<Unit, Boxes>> decode_wishes(const std::string& bytes) {
  Decoder in(bytes);
  std::vector<std::pair<Unit, Boxes>> wishes(in.get<std::uint64_t>());
  for (auto& [unit, boxes] : wishes) {
    unit.box = in.get<std::uint32_t>();
    unit.block = in.get<std::uint32_t>();
    boxes.resize(in.get<std::uint64_t>());
    for (auto& box : boxes) box = in.get_box();
  }
  return wishes;
}

std::string encode_assignments(const std::vector<Assignment>& assignments) {
  Encoder out;
  out.put<std::uint64_t>(assignments.size());
  for (const auto& [unit, requests] : assignments) {
    out.put(unit.box);
    out.put(unit.block);
    out.put<std::uint64_t>(requests.size());
    for (const auto& request : requests) {
      out.put(static_cast<std::int32_t>(request.rank));
      out.put<std::uint64_t>(request.boxes.size());
      for (const auto& box : request.boxes) out.put_box(box);
    }
  }
  return out.take();
}

std::vector<Assignment> decode_assignments(const std::string& bytes) {
  Decoder in(bytes);
  std::vector<Assignment> assignments(in.get<std::uint64_t>());
  for (auto& [unit, requests] : assignments) {
    unit.box = in.get<std::uint32_t>();
    unit.block = in.get<std::uint32_t>();
    requests.resize(in.get<std::uint64_t>());
    for (auto& request : requests) {
      request.rank = in.get<std::int32_t>();
      request.boxes.resize(in.get<std::uint64_t>());
      for (auto& box : request.boxes) box = in.get_box();
    }
  }
  return assignments;
}

}  // namespace trireme::checkpoint
