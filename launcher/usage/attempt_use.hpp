// What the attempts of a run took: device seconds by what became of them, and when their jobs waited. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "launcher/run_directory/run_facts.hpp"

namespace trireme::launcher {

/// Device seconds: ranks x seconds. What was lost is a part of what was used.
struct DeviceTime {
  double used = 0;
  double unsaved = 0;   ///< lost to kills: steps that no checkpoint holds
  double starting = 0;  ///< lost to starts: building the model, reading the checkpoint
  double saving = 0;    ///< lost to saves that held the training up

  DeviceTime& operator+=(const DeviceTime& other);
  DeviceTime operator*(double share) const;
};

/// A stretch of time, in seconds since the epoch.
struct Span {
  double begin = 0;
  double end = 0;

  double seconds() const { return end > begin ? end - begin : 0; }
  bool holds(double time) const { return time >= begin && time <= end; }
  Span within(const Span& window) const;
};

struct AttemptUse {
  Span span;  ///< its start-up included
  DeviceTime time;
  bool gpus = false;
  std::string job;             ///< "" outside Slurm
  std::string cluster;         ///< "" where the ledger does not say
  std::optional<Span> waited;  ///< in the queue before it; nothing where nobody knows
};

struct RunUse {
  std::vector<AttemptUse> attempts;
  double seconds_per_step = 0;  ///< device seconds, saves and validations included; 0 = no step was done
  std::size_t impossible = 0;   ///< attempts left out, since no run can have such numbers
};

/// An attempt counts when its times are finite, in order and not in the future, and it used no more than its ranks can
/// in that time; a ledger is a text file that anybody may have edited. Waits: of a requeued job since the end of the
/// attempt before, of the jobs of the last submission since that.
RunUse use_of(const RunFacts& run, double now);

}  // namespace trireme::launcher
