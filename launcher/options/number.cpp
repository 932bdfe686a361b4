#include "launcher/options/number.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/error.hpp"

namespace trireme::options {

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end) return value;
  constexpr double kLargestExact = 9007199254740992.0;
  const std::optional<double> number = parse_number(text);
  if (!number || std::floor(*number) != *number || std::abs(*number) > kLargestExact) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::string format_number(double value) {
  constexpr double kAsInteger = 1e15;
  if (std::floor(value) == value && std::abs(value) < kAsInteger) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general);
  return {buffer.data(), result.ptr};
}

std::string range_text(double low, double high) {
  if (std::isfinite(low) && std::isfinite(high)) return base::str(format_number(low), " to ", format_number(high));
  if (std::isfinite(low)) return "at least " + format_number(low);
  if (std::isfinite(high)) return "at most " + format_number(high);
  return "any number";
}

}  // namespace trireme::options
