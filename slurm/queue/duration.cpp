#include "slurm/queue/duration.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

namespace trireme::slurm {
namespace {

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  constexpr std::int64_t kMost = 1'000'000'000;
  if (text.empty() || error != std::errc() || stopped != end || value < 0 || value > kMost) return std::nullopt;
  return value;
}

// "1:2:3" becomes 1, 2, 3; nothing when a part is not a number.
std::optional<std::vector<std::int64_t>> numbers(const std::string& text) {
  std::vector<std::int64_t> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    const auto value = number(text.substr(begin, end - begin));
    if (!value) return std::nullopt;
    values.push_back(*value);
    begin = end + 1;
  }
  return values;
}

}  // namespace

std::optional<std::int64_t> parse_duration(const std::string& text) {
  constexpr std::int64_t kMinute = 60, kHour = 3600, kDay = 86400;
  const std::size_t dash = text.find('-');
  if (dash != std::string::npos) {
    const auto days = number(text.substr(0, dash));
    const auto parts = numbers(text.substr(dash + 1));
    if (!days || !parts || parts->size() > 3) return std::nullopt;
    std::int64_t seconds = *days * kDay, unit = kHour;
    for (const std::int64_t part : *parts) {
      seconds += part * unit;
      unit /= 60;
    }
    return seconds;
  }
  const auto parts = numbers(text);
  if (!parts) return std::nullopt;
  const auto& p = *parts;
  if (p.size() == 1) return p[0] * kMinute;
  if (p.size() == 2) return p[0] * kMinute + p[1];
  if (p.size() == 3) return p[0] * kHour + p[1] * kMinute + p[2];
  return std::nullopt;
}

std::string format_slurm_duration(std::int64_t seconds) {
  const std::int64_t days = seconds / 86400;
  char text[64];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(seconds / 3600 % 24),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return days > 0 ? std::to_string(days) + "-" + text : text;
}

}  // namespace trireme::slurm
