// Round numbers along an axis, with labels of a few characters. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace trireme::launcher {

struct Tick {
  double value = 0;
  std::string label;
};

/// At most `most` (at least 1) multiples of 1, 2 or 5 times a power of ten within [low, high], ascending, with labels
/// that differ: "0", "0.5", "20k", "3e-4". `low` < `high`, both finite. At least one tick, as far as `most` is 2 or
/// more.
std::vector<Tick> linear_ticks(double low, double high, std::size_t most);

/// The same for an axis of logarithms: powers of ten, and 2 and 5 times them where there are few; in a range that
/// holds none of these, the linear ones. 0 < `low` < `high`.
std::vector<Tick> log_ticks(double low, double high, std::size_t most);

}  // namespace trireme::launcher
