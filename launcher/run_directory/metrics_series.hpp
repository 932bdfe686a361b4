// The numbers of metrics.jsonl as columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// The values of one field in ascending steps. Where several lines have a value for a step, the last counts. A
/// line of an earlier step than the one before takes all later steps back: a program does them again.
struct SeriesField {
  std::string name;                 ///< as the file has it; somebody else may have chosen it, so print it escaped
  std::vector<std::uint32_t> rows;  ///< the line of each value, as an index into the vectors of MetricsSeries
  std::vector<double> values;       ///< NaN: a gap, as LineValues says
};

/// A row is a line that has at least one of the fields, in the order of the file. A field has no value for lines that
/// lack it, such as "loss" for those of validations: that is no gap in its curve, but NaN is one.
struct MetricsSeries {
  std::vector<std::int64_t> steps;  ///< of each row; a line that tells no step belongs to that of the line before
  std::vector<double> times;   ///< seconds since the epoch; as the newest line so far that tells it; NaN = none did
  std::vector<double> tokens;  ///< consumed by the run so far; in the same way
  std::vector<SeriesField> fields;  ///< in the order in which the file first has them

  /// Null when no line has a number or null there.
  const SeriesField* find(std::string_view name) const;
};

/// Reads the fields `wanted`, or all that hold numbers when it is empty ("step" is never one of them; "time" and
/// "tokens" are). LineValues says what a line means. Passes over damaged lines, a torn last line, and lines before the
/// first that tells a step. A missing file has no lines. 100,000 lines of Trireme's own take some 70 ms. Errors as
/// base::FileSystem::open_own().
MetricsSeries read_series(base::FileSystem& files, const std::filesystem::path& path,
                          const std::vector<std::string>& wanted = {});

/// Returns the newest values of a field, oldest first, at most `count` of them and only from the last 256 KiB of the
/// file: what a sparkline shows. The rest as read_series().
std::vector<double> newest_values(base::FileSystem& files, const std::filesystem::path& path, const std::string& field,
                                  std::size_t count);

}  // namespace trireme::launcher
