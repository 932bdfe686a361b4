#include "io/tokens/skipped_samples.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/words.hpp"

namespace trireme::tokens {
namespace {

constexpr auto kLargest = static_cast<std::uint64_t>(kLastPosition);

std::optional<std::uint64_t> position(std::string_view text) {
  const std::string word = base::trimmed(text);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || number > kLargest) return std::nullopt;
  return number;
}

std::optional<SampleRange> range_in(std::string_view word) {
  const std::size_t dash = word.find('-');
  const auto first = position(word.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : position(word.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return SampleRange{*first, *last};
}

}  // namespace

std::string to_string(const SampleRange& range) {
  return range.first == range.last ? std::to_string(range.first) : base::str(range.first, "-", range.last);
}

void SkippedSamples::add(SampleRange range) {
  // Those that overlap or touch the new one become part of it.
  const auto begin = std::ranges::find_if(
      ranges_, [&](const SampleRange& other) { return range.first == 0 || other.last >= range.first - 1; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= range.last + 1; ++end) {
    range = {std::min(range.first, end->first), std::max(range.last, end->last)};
  }
  ranges_.insert(ranges_.erase(begin, end), range);
}

void SkippedSamples::add(const SkippedSamples& others) {
  for (const SampleRange& range : others.ranges_) add(range);
}

std::vector<std::uint64_t> SkippedSamples::take(std::uint64_t consumed, std::uint64_t count) const {
  std::vector<std::uint64_t> positions;
  positions.reserve(count);
  auto next = std::ranges::lower_bound(ranges_, consumed, {}, &SampleRange::last);
  while (positions.size() < count) {
    if (next != ranges_.end() && consumed >= next->first) {
      consumed = next->last + 1;
      ++next;
    } else {
      positions.push_back(consumed++);
    }
  }
  return positions;
}

SkippedSamples parse_skipped_samples(const std::string& text, const std::string& key) {
  SkippedSamples skipped;
  if (base::trimmed(text).empty()) return skipped;
  std::string_view left = text;
  while (true) {
    const std::size_t comma = left.find(',');
    const auto range = range_in(left.substr(0, comma));
    if (!range) {
      throw base::InputError(base::str(key, " = ", text,
                                       " is no list of positions and ranges: write it as in 960-1023, ",
                                       "2048, with whole numbers from 0 on"));
    }
    skipped.add(*range);
    if (comma == std::string_view::npos) return skipped;
    left.remove_prefix(comma + 1);
  }
}

base::Json to_json(const SkippedSamples& skipped) {
  base::Json json = base::Json::array();
  for (const SampleRange& range : skipped.ranges()) json.push_back({range.first, range.last});
  return json;
}

SkippedSamples skipped_samples_from_json(const base::Json& json) {
  SkippedSamples skipped;
  for (const base::Json& range : json) {
    const SampleRange read{range.at(0).get<std::uint64_t>(), range.at(1).get<std::uint64_t>()};
    if (read.first > read.last || read.last > kLargest) throw base::Error("a range of skipped samples is not one");
    skipped.add(read);
  }
  return skipped;
}

}  // namespace trireme::tokens
