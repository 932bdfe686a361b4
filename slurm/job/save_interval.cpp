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
    limit = interval.seconds > kLeast ? "; no more often than every fourth save's time" : "; not below a minute";
  if (best > interval.seconds) limit = "; not above an hour";
  interval.reason = base::str("saving every ", number(interval.seconds / 60, "min"),
                              ": a save holds the training up for ", number(cost.stall, "s"),
                              ", and an interruption is expected every ", number(rate.mean_hours(devices), "h"), " (",
                              rate.interruptions, " in ", number(rate.device_hours, "device hours"), " so far)", limit);
  return interval;
}

}  // namespace trireme::slurm
