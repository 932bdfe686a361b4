#include "models/layout/packed_ranges.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace trireme::layout {

PackedRanges::PackedRanges(std::vector<FlatRange> ranges) : ranges_(std::move(ranges)) {
  for (const FlatRange& range : ranges_) {
    first_.push_back(elements_);
    elements_ += range.size();
  }
}

/// The number of ranges that begin at `flat` or before.
std::size_t PackedRanges::ranges_up_to(std::int64_t flat) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), flat,
                                      [](std::int64_t at, const FlatRange& range) { return at < range.begin; });
  return static_cast<std::size_t>(after - ranges_.begin());
}

bool PackedRanges::holds(std::int64_t flat) const {
  const std::size_t count = ranges_up_to(flat);
  return count > 0 && flat < ranges_[count - 1].end;
}

std::int64_t PackedRanges::packed(std::int64_t flat) const {
  if (!holds(flat)) throw base::Error(base::str("flat element ", flat, " is not updated by this rank"));
  const std::size_t index = ranges_up_to(flat) - 1;
  return first_[index] + flat - ranges_[index].begin;
}

}  // namespace trireme::layout
