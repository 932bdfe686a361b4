#include "models/layout/flat_range.hpp"

#include <algorithm>
#include <optional>

#include "base/error.hpp"

namespace trireme::layout {
namespace {

void append(std::vector<FlatRange>& ranges, FlatRange next) {
  if (next.size() <= 0) return;
  if (!ranges.empty() && ranges.back().end == next.begin) {
    ranges.back().end = next.end;
  } else {
    ranges.push_back(next);
  }
}

}  // namespace

std::vector<FlatRange> intersect(const std::vector<FlatRange>& a, const std::vector<FlatRange>& b) {
  std::vector<FlatRange> common;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    append(common, {std::max(a[i].begin, b[j].begin), std::min(a[i].end, b[j].end)});
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return common;
}

std::vector<FlatRange> complement(const std::vector<FlatRange>& ranges, std::int64_t elements) {
  std::vector<FlatRange> rest;
  std::int64_t begin = 0;
  for (const FlatRange& range : ranges) {
    append(rest, {begin, range.begin});
    begin = range.end;
  }
  append(rest, {begin, elements});
  return rest;
}

FlatRange range_of(const FlatParameter& parameter) {
  return {parameter.flat_offset, parameter.flat_offset + parameter.box.elements()};
}

FlatRange range_of(const FlatBlock& block, const FlatLayout& layout) {
  const auto& parameters = layout.parameters;
  const FlatRange first = range_of(parameters[static_cast<std::size_t>(block.members.front())]);
  const FlatRange last = range_of(parameters[static_cast<std::size_t>(block.members.back())]);
  return {first.begin, last.end};
}

FlatRange owned_range(const FlatParameter& parameter) {
  const topology::Box& box = parameter.box;
  const topology::Box& owned = parameter.owned;
  if (owned.empty()) return {parameter.flat_offset, parameter.flat_offset};
  for (std::size_t dim = 1; dim < box.size.size(); ++dim) {
    if (owned.offset[dim] != box.offset[dim] || owned.size[dim] != box.size[dim]) {
      throw base::Error(base::str(parameter.tensor.name, ": the owned part ", topology::to_string(owned),
                                  " is not a range of rows of ", topology::to_string(box)));
    }
  }
  const std::int64_t row = owned.elements() / owned.size[0];
  const std::int64_t begin = parameter.flat_offset + (owned.offset[0] - box.offset[0]) * row;
  return {begin, begin + owned.elements()};
}

std::vector<FlatRange> owned_ranges(const FlatLayout& layout, const std::string& skip) {
  std::vector<FlatRange> ranges;
  for (const FlatBlock& block : layout.blocks) {
    if (block.name == skip) continue;
    for (const int member : block.members) {
      append(ranges, owned_range(layout.parameters[static_cast<std::size_t>(member)]));
    }
  }
  return ranges;
}

std::vector<FlatRange> group_ranges(const FlatLayout& layout, std::size_t group) {
  std::vector<FlatRange> ranges;
  // Walks from parameter to parameter; an empty one changes nothing.
  for (const bool trainable : {true, false}) {
    FlatRange part = trainable ? FlatRange{0, layout.grad_elements} : FlatRange{layout.grad_elements, layout.elements};
    std::optional<std::size_t> current;
    for (const FlatParameter& parameter : layout.parameters) {
      if (parameter.trainable != trainable || parameter.box.empty()) continue;
      if (current && *current != parameter.group) {
        if (*current == group) append(ranges, {part.begin, parameter.flat_offset});
        part.begin = parameter.flat_offset;
      }
      current = parameter.group;
    }
    if (current == group) append(ranges, part);
  }
  return ranges;
}

std::vector<FlatRange> decay_ranges(const FlatLayout& layout) {
  std::vector<FlatRange> ranges;
  bool previous_decays = false;
  for (const FlatParameter& parameter : layout.parameters) {
    FlatRange range = range_of(parameter);
    if (range.size() == 0) continue;  // an empty parameter says nothing about what lies around it
    if (parameter.tensor.decay) {
      if (previous_decays) range.begin = ranges.back().end;
      append(ranges, range);
    }
    previous_decays = parameter.tensor.decay;
  }
  return ranges;
}

}  // namespace trireme::layout
