// Ranges of a rank's flat buffers: which elements a rank counts in the norm, updates or stores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/parallel/parameters.hpp"

namespace trireme::optim {

/// Elements [begin, end) of the flat buffers.
struct FlatRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  bool operator==(const FlatRange&) const = default;
};

/// The common part of two ascending lists of disjoint ranges, ascending; touching ranges are joined.
std::vector<FlatRange> intersect(const std::vector<FlatRange>& a, const std::vector<FlatRange>& b);

/// Where a parameter or a block lies.
FlatRange range_of(const parallel::Parameter& parameter);
FlatRange range_of(const parallel::Block& block, const parallel::ParameterStore& store);
/// The part of a parameter that this rank owns among its tp peers; empty when none.
FlatRange owned_range(const parallel::Parameter& parameter);
/// The owned parts of all parameters except those of the block named `skip` ("" = none), ascending.
std::vector<FlatRange> owned_ranges(const parallel::ParameterStore& store, const std::string& skip);
/// Parameters with weight decay; padding between two of them is included.
std::vector<FlatRange> decay_ranges(const parallel::ParameterStore& store);

/// Sum of x² over the ranges of a flat fp32 or fp64 buffer, in fp64, always added in the same order whatever the
/// number of threads.
double sum_of_squares(const at::Tensor& flat, const std::vector<FlatRange>& ranges);

}  // namespace trireme::optim
