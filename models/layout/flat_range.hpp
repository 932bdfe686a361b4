// Ranges of a rank's flat buffers: which elements a rank counts in the norm, updates or stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/layout/flat_layout.hpp"

namespace trireme::layout {

/// Elements [begin, end) of the flat buffers.
struct FlatRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  bool operator==(const FlatRange&) const = default;
};

/// Returns the common part of two ascending lists of disjoint ranges, ascending; touching ranges are joined.
std::vector<FlatRange> intersect(const std::vector<FlatRange>& a, const std::vector<FlatRange>& b);
/// What ascending, disjoint ranges leave of [0, elements), ascending.
std::vector<FlatRange> complement(const std::vector<FlatRange>& ranges, std::int64_t elements);

/// The range of a parameter or of a block.
FlatRange range_of(const FlatParameter& parameter);
FlatRange range_of(const FlatBlock& block, const FlatLayout& layout);
/// The range of a parameter that this rank owns among its tp peers; empty when it owns none.
FlatRange owned_range(const FlatParameter& parameter);
/// The owned parts of all parameters except those of the block named `skip` ("" = none), ascending.
std::vector<FlatRange> owned_ranges(const FlatLayout& layout, const std::string& skip);
/// The ranges that belong to a group's parameters, ascending: what pads a parameter belongs to its group. The ranges of
/// all trainable groups cover [0, grad_elements), those of all frozen groups the rest of the values.
std::vector<FlatRange> group_ranges(const FlatLayout& layout, std::size_t group);
/// The ranges of parameters with weight decay. They include the padding between two such neighbours, and nothing of any
/// other parameter.
std::vector<FlatRange> decay_ranges(const FlatLayout& layout);

}  // namespace trireme::layout
