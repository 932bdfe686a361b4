// How the flat gradient buffer is summed over dp: in buckets, each of which ZeRO cuts into one part per dp rank.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "models/layout/flat_range.hpp"

namespace trireme::layout {

/// Buckets are multiples of this many elements, so that each of the dp parts begins at a 64-byte boundary.
inline std::int64_t bucket_unit(int dp) { return std::int64_t{32} * dp; }

/// The size of a bucket in elements: an eighth of the buffer, but at least `least` and at most `most`.
struct BucketSize {
  std::int64_t least = 4 << 20;
  std::int64_t most = 4 << 20;

  std::int64_t of(std::int64_t buffer_elements) const { return std::clamp(buffer_elements / 8, least, most); }
};

/// Cuts the whole gradient buffer into buckets of about `size`, ascending. No bucket holds both the block named `tied`
/// ("" = none), which must be the last one with gradients, and others. Its own are of BucketSize::least, so that its
/// two ends are cut alike, whatever else their stages hold. Throws base::Error when the buffer's length or the tied
/// block's place is not a multiple of bucket_unit(dp).
std::vector<FlatRange> cut_into_buckets(const FlatLayout& layout, const std::string& tied, const BucketSize& size,
                                        int dp);

/// The part of a bucket that a dp rank owns under ZeRO: number dp_rank of dp equal parts.
FlatRange part_of(FlatRange bucket, int dp_rank, int dp);

}  // namespace trireme::layout
