// Ranges of a flat buffer, packed one after another into a buffer of their own: pure arithmetic.
#pragma once

#include <cstdint>
#include <vector>

#include "models/layout/flat_range.hpp"

namespace trireme::layout {

class PackedRanges {
 public:
  PackedRanges() = default;
  /// `ranges`: ascending, disjoint.
  explicit PackedRanges(std::vector<FlatRange> ranges);

  const std::vector<FlatRange>& ranges() const { return ranges_; }
  std::int64_t elements() const { return elements_; }  ///< of all ranges
  bool holds(std::int64_t flat) const;
  /// Where flat element `flat` lies in the packed buffer. Throws base::Error when no range holds it.
  std::int64_t packed(std::int64_t flat) const;

 private:
  std::size_t ranges_up_to(std::int64_t flat) const;

  std::vector<FlatRange> ranges_;
  std::vector<std::int64_t> first_;  ///< where each range begins in the packed buffer
  std::int64_t elements_ = 0;
};

}  // namespace trireme::layout
