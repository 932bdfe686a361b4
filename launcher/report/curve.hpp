// One curve of a report: the values of a field over steps, thinned so that a page can hold many of them and no extreme
// is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

struct CurvePoint {
  std::int64_t step = 0;
  double value = 0.0;  ///< NaN: the file has no finite number there

  bool operator==(const CurvePoint&) const = default;
};

/// Takes values in the order of the file and holds at most `most_buckets` buckets of equally many values; when they are
/// full, neighbours are joined. Each bucket keeps its smallest and its largest value, where they are, and its mean.
class Curve {
 public:
  explicit Curve(std::size_t most_buckets);

  /// A step that is not larger than the one before goes back: what stood at this step and later is forgotten. Where
  /// that cuts a bucket of several values, of those that stay only its first, smallest and largest are remembered. A
  /// `value` that is not finite is a gap.
  void add(std::int64_t step, double value);

  /// In the order of steps, each a value of the file: all of them while no bucket holds more than one, else the
  /// smallest and the largest of each bucket, the first and the last value, and one gap for each bucket that has any.
  std::vector<CurvePoint> points() const;
  /// The mean of each bucket at the middle of its steps; a bucket without a finite value is a gap.
  std::vector<CurvePoint> means() const;

  std::size_t values_per_bucket() const { return stride_; }
  std::uint64_t count() const;  ///< finite values
  std::uint64_t gaps() const;   ///< values that are not finite
  std::optional<CurvePoint> first() const;
  std::optional<CurvePoint> last() const;
  std::optional<CurvePoint> smallest() const;
  std::optional<CurvePoint> largest() const;
  /// The step since which no value is finite; nothing when the last one is, or none was taken.
  std::optional<std::int64_t> gap_since() const;

 private:
  struct Bucket {
    std::int64_t first_step = 0, last_step = 0;
    CurvePoint first, last, low, high;  ///< of the finite values; meaningless when count is 0
    CurvePoint gap;
    double sum = 0.0;
    std::uint64_t count = 0, gaps = 0;
    std::size_t taken = 0;             ///< values, finite or not
    std::optional<std::int64_t> tail;  ///< the first of the gaps that it ends with

    void take(std::int64_t step, double value);
    void join(const Bucket& later);
    std::vector<CurvePoint> extremes() const;
  };

  void go_back(std::int64_t step);
  void join_neighbours();

  std::size_t most_;
  std::size_t stride_ = 1;
  std::vector<Bucket> buckets_;
};

/// Writes a curve as a JSON object: steps as differences, values with 7 significant digits, the first, last, smallest
/// and largest value with 17. docs/report.md lists the members.
void append_curve(const Curve& curve, std::string& json);

/// Appends the steps as a JSON array of the first one and the differences.
void append_steps(const std::vector<CurvePoint>& points, std::string& json);
/// Appends the values as a JSON array, NaN as null.
void append_values(const std::vector<CurvePoint>& points, std::string& json);

}  // namespace trireme::launcher
