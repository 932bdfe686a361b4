#include "models/layout/partition.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::layout {
namespace {

void cut(FlatRange range, std::int64_t bucket_elements, int dp, std::vector<FlatRange>& buckets) {
  const std::int64_t unit = bucket_unit(dp);
  if (range.begin % unit != 0 || range.end % unit != 0) {
    throw base::Error("the flat gradient buffer cannot be cut into equal parts over dp");
  }
  const std::int64_t step = std::max(unit, bucket_elements / unit * unit);
  for (std::int64_t begin = range.begin; begin < range.end; begin += step) {
    buckets.push_back({begin, std::min(begin + step, range.end)});
  }
}

}  // namespace

std::vector<FlatRange> cut_into_buckets(const FlatLayout& layout, const std::string& tied, const BucketSize& size,
                                        int dp) {
  std::int64_t tied_begin = layout.grad_elements;
  if (!tied.empty()) {
    const FlatBlock& last = layout.last_trainable();
    if (last.name != tied) throw base::Error(base::str("the tied block ", tied, " does not lie last"));
    tied_begin = last.flat_offset;
  }
  std::vector<FlatRange> buckets;
  cut({0, tied_begin}, size.of(layout.grad_elements), dp, buckets);
  cut({tied_begin, layout.grad_elements}, size.least, dp, buckets);
  return buckets;
}

FlatRange part_of(FlatRange bucket, int dp_rank, int dp) {
  const std::int64_t size = bucket.size() / dp;
  const std::int64_t begin = bucket.begin + size * dp_rank;
  return {begin, begin + size};
}

}  // namespace trireme::layout
