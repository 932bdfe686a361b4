// The time now, and the time since an earlier moment.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace trireme::base {

/// Seconds since the epoch, by this machine's clock.
double wall_time();

/// Seconds from `start` until now.
double seconds_since(std::chrono::steady_clock::time_point start);

/// The time now in UTC: "2026-01-31T12:00:00Z".
std::string utc_now();
/// Seconds since the epoch of a text such as utc_now() returns; nothing when the text is not one.
std::optional<double> parse_utc(const std::string& text);

}  // namespace trireme::base
