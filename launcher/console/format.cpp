#include "launcher/console/format.hpp"

#include <cmath>
#include <cstdio>
#include <ctime>

namespace trireme::launcher {
namespace {

template <typename... Args>
std::string printed(const char* format, Args... args) {
  char text[200];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

std::string scaled(double value, const char* const* units, int count, double step) {
  int unit = 0;
  while (unit + 1 < count && value >= step) {
    value /= step;
    ++unit;
  }
  if (unit == 0) return printed("%.0f%s", value, units[0]);
  return printed(value < 10 ? "%.2f%s" : value < 100 ? "%.1f%s" : "%.0f%s", value, units[unit]);
}

}  // namespace

std::string format_duration(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 1) return printed("%.0f ms", seconds * 1000);
  if (seconds < 60) return printed("%.1f s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return printed("%lldm %02llds", whole / 60, whole % 60);
  if (whole < 86400) return printed("%lldh %02lldm", whole / 3600, whole % 3600 / 60);
  return printed("%lldd %02lldh", whole / 86400, whole % 86400 / 3600);
}

std::string format_count(double count) {
  static const char* const kUnits[] = {"", "k", "M", "G", "T", "P"};
  return scaled(count, kUnits, 6, 1000.0);
}

std::string format_bytes(double bytes) {
  static const char* const kUnits[] = {" B", " kB", " MB", " GB", " TB", " PB"};
  return scaled(bytes, kUnits, 6, 1000.0);
}

std::string format_device_hours(double hours, bool gpus) { return printed("%.2f %s h", hours, gpus ? "GPU" : "CPU"); }

std::string with_commas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string format_local_time(double seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string format_local_minute(double seconds) {
  const std::string text = format_local_time(seconds);
  return text.substr(0, text.rfind(':'));
}

}  // namespace trireme::launcher
