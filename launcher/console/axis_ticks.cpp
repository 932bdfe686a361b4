#include "launcher/console/axis_ticks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace trireme::launcher {
namespace {

std::string printed(double value, int digits, const char* behind = "") {
  char text[64];
  // Rounded to nothing, -0.0001 is no -0.
  const double shown = std::abs(value) * std::pow(10.0, digits) < 0.5 ? 0.0 : value;
  std::snprintf(text, sizeof text, "%.*f%s", std::min(digits, 20), shown, behind);
  return text;
}

// Digits behind the point that a multiple of `step` needs.
int digits_of(double step) { return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))); }

// Labels of multiples of `step` up to `largest`, all in one unit.
class Labels {
 public:
  Labels(double largest, double step) : step_(step) {
    static constexpr struct {
      double from, unit;
      const char* name;
    } kUnits[] = {{1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}};
    if (largest == 0) return;
    if (largest >= 1e15 || largest < 1e-3) {
      exponent_ = static_cast<int>(std::floor(std::log10(largest) + 1e-9));
      return;
    }
    for (const auto& unit : kUnits) {
      if (largest < unit.from) continue;
      unit_ = unit.unit;
      name_ = unit.name;
      break;
    }
  }

  std::string label(double value) const {
    if (value == 0) return "0";
    if (exponent_ == 0) return printed(value / unit_, digits_of(step_ / unit_), name_);
    const double scale = std::pow(10.0, exponent_);
    const std::string behind = "e" + std::to_string(exponent_);
    return printed(value / scale, digits_of(step_ / scale), behind.c_str());
  }

 private:
  double step_;
  double unit_ = 1;
  const char* name_ = "";
  int exponent_ = 0;  // not 0: labels are written as 3e-4
};

// The smallest of 1, 2 and 5 times a power of ten that is at least `least`.
double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double times : {1.0, 2.0, 5.0}) {
    if (times * power >= least * (1 - 1e-9)) return times * power;
  }
  return 10 * power;
}

std::string short_number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// Powers of ten within the range, times each of `factors`.
std::vector<double> multiples(double low, double high, const std::vector<double>& factors) {
  std::vector<double> found;
  const int last = static_cast<int>(std::floor(std::log10(high))) + 1;
  for (int exponent = static_cast<int>(std::floor(std::log10(low))) - 1; exponent <= last; ++exponent) {
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, exponent);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push_back(value);
    }
  }
  return found;
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, std::size_t most) {
  const double least = (high - low) / static_cast<double>(most);
  if (!std::isfinite(least) || least <= 0 || low + least == low) {  // wider, or narrower, than doubles can divide
    return {{low, short_number(low)}};
  }
  for (double step = round_step(least);; step = round_step(step * 1.5)) {
    const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
    if (!std::isfinite(first) || !std::isfinite(last) || last < first) return {{low, short_number(low)}};
    if (last - first + 1 > static_cast<double>(most)) continue;
    const Labels labels(step * std::max(std::abs(first), std::abs(last)), step);
    std::vector<Tick> ticks;
    for (double i = first; i <= last; ++i) ticks.push_back({i * step, labels.label(i * step)});
    return ticks;
  }
}

std::vector<Tick> log_ticks(double low, double high, std::size_t most) {
  std::vector<double> values = multiples(low, high, {1});
  if (values.size() < 3) values = multiples(low, high, {1, 2, 5});
  if (values.size() > most) values = multiples(low, high, {1});
  if (values.size() < 2) return linear_ticks(low, high, most);
  std::vector<Tick> ticks;
  const std::size_t stride = (values.size() + most - 1) / most;
  for (std::size_t i = 0; i < values.size(); i += stride) {
    const double value = values[i];
    const double power = std::pow(10.0, std::floor(std::log10(value) + 1e-9));
    ticks.push_back({value, Labels(value, power).label(value)});
  }
  return ticks;
}

}  // namespace trireme::launcher
