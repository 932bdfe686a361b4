// The plans that the tests of schedules go through.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

inline bool admissible(const Plan& plan) {
  try {
    check(plan);
    return true;
  } catch (const base::InputError&) {
    return false;
  }
}

/// Every admissible plan of 1 to 8 stages, 1 to 4 chunks and 1 to 24 micro-batches.
inline std::vector<Plan> all_plans() {
  std::vector<Plan> plans;
  for (const ScheduleKind kind :
       {ScheduleKind::kGpipe, ScheduleKind::kOneForwardOneBackward, ScheduleKind::kInterleaved}) {
    for (int stages = 1; stages <= 8; ++stages) {
      for (int chunks = 1; chunks <= 4; ++chunks) {
        for (int micro_batches = 1; micro_batches <= 24; ++micro_batches) {
          const Plan plan{kind, stages, chunks, micro_batches};
          if (admissible(plan)) plans.push_back(plan);
        }
      }
    }
  }
  return plans;
}

inline std::string describe(const Plan& plan) {
  return base::str(name_of(plan.kind), " stages ", plan.stages, " chunks ", plan.chunks, " micro-batches ",
                   plan.micro_batches);
}

}  // namespace trireme::schedule
