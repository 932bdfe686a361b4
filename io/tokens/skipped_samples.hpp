// Positions in the order of samples that a training leaves out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace trireme::tokens {

/// No training comes so far, and sums of positions and counts stay below 2^64.
inline constexpr std::int64_t kLastPosition = std::int64_t{1} << 62;

/// Positions [first, last], both included.
struct SampleRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  bool operator==(const SampleRange&) const = default;
};

/// "24" or "24-27".
std::string to_string(const SampleRange& range);

/// A set of positions, as ranges that neither overlap nor touch, in ascending order.
class SkippedSamples {
 public:
  SkippedSamples() = default;

  /// `range.first` <= `range.last`.
  void add(SampleRange range);
  void add(const SkippedSamples& others);
  bool empty() const noexcept { return ranges_.empty(); }
  const std::vector<SampleRange>& ranges() const noexcept { return ranges_; }

  /// The first `count` positions from `consumed` on that are not left out. Example: with 24-27 left out,
  /// take(22, 4) is {22, 23, 28, 29}.
  std::vector<std::uint64_t> take(std::uint64_t consumed, std::uint64_t count) const;

  bool operator==(const SkippedSamples&) const = default;

 private:
  std::vector<SampleRange> ranges_;
};

/// Reads "960-1023, 2048". Throws base::InputError naming `key` when the text is no such list.
SkippedSamples parse_skipped_samples(const std::string& text, const std::string& key);

/// [[960, 1023], [2048, 2048]].
base::Json to_json(const SkippedSamples& skipped);
/// Throws base::Json::exception or base::Error when `json` is not what to_json() makes.
SkippedSamples skipped_samples_from_json(const base::Json& json);

}  // namespace trireme::tokens
