// What time it is, and how long something has taken.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace trireme::base {

/// Seconds since the epoch, by this machine's clock.
double wall_time();

/// Seconds from `start` until now.
double seconds_since(std::chrono::steady_clock::time_point start);

/// "2026-01-31T12:00:00Z": now, in UTC.
std::string utc_now();
/// Seconds since the epoch of such a text; nothing when it is none.
std::optional<double> parse_utc(const std::string& text);

}  // namespace trireme::base
