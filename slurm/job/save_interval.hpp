// How often to save: the interval that loses least between what saving costs and what an interruption throws away.
#pragma once

#include <string>
#include <vector>

#include "slurm/job/attempt_ledger.hpp"

namespace trireme::slurm {

/// How often a run was interrupted without a save, as its ledger tells, with a prior: one interruption in
/// kPriorDeviceHours, as large GPU clusters report.
struct InterruptionRate {
  static constexpr double kPriorDeviceHours = 50'000;

  int interruptions = 0;                 ///< attempts that ended with steps no checkpoint held
  double device_hours = 0;               ///< of all attempts
  double mean_hours(int devices) const;  ///< expected between two interruptions of a job with so many devices
};

InterruptionRate interruption_rate(const std::vector<Attempt>& attempts);

/// What one save costs, in seconds.
struct SaveCost {
  double stall = 0;   ///< that the training waits for it
  double whole = 0;   ///< from its start to the commit
  double stalls = 0;  ///< of all saves of the attempt so far, this one included
};

struct SaveInterval {
  double seconds = 0;
  double overhead = 0;  ///< modelled share of the run time lost to saving and to repeated steps
  std::string reason;   ///< one sentence for people
};

/// Daly's estimate of the optimum (J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart
/// dumps", FGCS 22, 2006; its first order is Young's sqrt(2 cost · mean)), between one minute, or four saves where they
/// take longer, and one hour.
SaveInterval best_interval(const SaveCost& cost, const InterruptionRate& rate, int devices);

/// Share of the run time lost when saving every `interval` seconds: cost / interval + interval / (2 mean).
double modelled_overhead(double interval, double cost, double mean);

}  // namespace trireme::slurm
