// The numbers of one line of metrics.jsonl: the one reader behind every curve, and the rules for what a line means to
// curves. Somebody's own program may have written it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::launcher {

/// Reads lines one by one, fast where they have the same fields in the same order. The rules:
///
/// - A line is damaged, and passed over whole, when it is longer than base::kLongestLine, is no JSON object, or has a
///   "step" that is no whole number from 0 to 2^53 (10.0 is one).
/// - A line without a "step" belongs to the step of the line before. The callers do that, since one of them reads
///   backwards, and pass over lines before the first step.
/// - null, NaN and Infinity (which JSON does not have, but Python's json writes), numbers too large for a double, and
///   the texts "nan", "inf" and "-inf" (which older files of Trireme hold) are gaps.
/// - Other texts, booleans, lists and objects are left out.
/// - Of several values with one name the last counts, also when it is one to be left out.
class LineValues {
 public:
  struct Value {
    std::size_t field = 0;  ///< index into fields()
    double number = 0.0;    ///< NaN: a gap
  };

  static constexpr std::size_t kStep = 0;  ///< the index of "step" in fields()
  static constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

  struct Limits {
    std::size_t most_fields = kAnyNumber;   ///< names that are told apart, "step" included
    std::size_t longest_name = kAnyNumber;  ///< bytes
    std::vector<std::string> kept = {};     ///< told apart besides, however many others there are
  };

  /// Values of fields beyond the limits are counted in dropped().
  LineValues() : LineValues(Limits{}) {}
  explicit LineValues(const Limits& limits);
  ~LineValues();
  LineValues(const LineValues&) = delete;
  LineValues& operator=(const LineValues&) = delete;

  /// False when the line is damaged; then only fields() and dropped() mean anything.
  bool read(std::string_view line);

  /// Nothing when the line has none.
  std::optional<std::int64_t> step() const;
  /// At most one of each field, in the order of the line, the step included.
  const std::vector<Value>& values() const;
  /// "step", the kept ones, and the names of all lines so far; each keeps its index.
  const std::vector<std::string>& fields() const;
  /// Whether the line has a text, other than those that are gaps, as a value.
  bool has_text() const;
  /// Values of all lines so far.
  std::uint64_t dropped() const;

 private:
  class Reader;

  std::unique_ptr<Reader> reader_;
};

}  // namespace trireme::launcher
