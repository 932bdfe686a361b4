// Where a run was at each step: tokens consumed and hours trained, for the other x axes of a report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

/// Takes the lines of metrics.jsonl in order. Keeps at most kMost positions, evenly over the lines; those between are
/// to be interpolated.
class Positions {
 public:
  static constexpr std::size_t kMost = 2048;

  /// `starts` as start_times() returns them. Hours are those of trained_seconds().
  explicit Positions(std::vector<double> starts) : starts_(std::move(starts)) {}

  void add(std::int64_t step, std::optional<double> tokens, std::optional<double> time);

  /// Appends {"steps":[…],"tokens":[…],"hours":[…]}; an axis that lines do not tell is left out,
  /// and so are tokens that become fewer: a program may mean something else by them.
  void append_to(std::string& json) const;

 private:
  struct Position {
    std::int64_t step = 0;
    double tokens = 0.0, seconds = 0.0, time = 0.0;
  };

  std::vector<double> starts_;
  std::vector<Position> kept_;
  std::optional<Position> newest_;
  std::uint64_t stride_ = 1, seen_ = 0;
  bool tokens_ = false, times_ = false;
};

}  // namespace trireme::launcher
