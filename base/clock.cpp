#include "base/clock.hpp"

#include <ctime>

namespace trireme::base {
namespace {

constexpr const char* kUtcFormat = "%Y-%m-%dT%H:%M:%SZ";

}  // namespace

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string utc_now() {
  // Not std::time, which may be behind wall_time by a tick of the kernel.
  const auto now = static_cast<std::time_t>(wall_time());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, kUtcFormat, &parts);
  return text;
}

std::optional<double> parse_utc(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), kUtcFormat, &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<double>(::timegm(&parts));
}

}  // namespace trireme::base
