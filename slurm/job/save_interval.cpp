#include "slurm/job/save_interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

constexpr double kLeast = 60;
constexpr double kMost = 3600;
constexpr double kSavesInInterval = 4;

double daly(double cost, double mean) {
  if (cost >= 2 * mean) return mean;
  const double ratio = cost / (2 * mean);
  return std::sqrt(2 * cost * mean) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - cost;
}

std::string number(double value, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3g %s", value, unit);
  return text;
}

// "1.2 s", "6.26 ms".
std::string seconds_text(double seconds) {
  return seconds < 0.9995 ? number(1000 * seconds, "ms") : number(seconds, "s");
}

// "3.2", "1200": never 1.2e+03.
std::string hours_text(double hours) {
  char text[64];
  std::snprintf(text, sizeof text, hours < 10 ? "%.1f" : "%.0f", hours);
  return text;
}

}  // namespace

double InterruptionRate::mean_hours(int devices) const {
  return (device_hours + kPriorDeviceHours) / (interruptions + 1.0) / std::max(1, devices);
}

InterruptionRate interruption_rate(const std::vector<Attempt>& attempts) {
  InterruptionRate rate;
  for (const Attempt& attempt : attempts) {
    if (!attempt.ended) continue;
    rate.device_hours += attempt.end.device_seconds / 3600;
    if (attempt.end.last_step > attempt.end.saved_step) ++rate.interruptions;
  }
  return rate;
}

double modelled_overhead(double interval, double cost, double mean) { return cost / interval + interval / (2 * mean); }

SaveInterval best_interval(const SaveCost& cost, const InterruptionRate& rate, int devices) {
  const double mean = 3600 * rate.mean_hours(devices);
  const double best = daly(cost.stall, mean);
  const double least = std::max(kLeast, kSavesInInterval * cost.whole);
  SaveInterval interval;
  interval.seconds = std::max(least, std::min(best, kMost));
  interval.overhead = modelled_overhead(interval.seconds, cost.stall, mean);
  const char* limit = "";
  if (best < interval.seconds)
    limit = interval.seconds > kLeast ? ", at most a fourth of the time saving" : ", the least";
  if (best > interval.seconds) limit = ", the most";
  interval.reason = base::str(
      "next checkpoint in ", number(interval.seconds / 60, "min"), limit, " (a save takes ", seconds_text(cost.whole),
      ", of which training waits ", seconds_text(cost.stall),
      rate.interruptions == 0 ? std::string()
                              : base::str("; ", rate.interruptions, rate.interruptions == 1 ? " failure" : " failures",
                                          " in ", hours_text(rate.device_hours), " device hours so far"),
      ")");
  return interval;
}

}  // namespace trireme::slurm
