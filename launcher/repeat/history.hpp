// What changed between the attempts of a run, and what that means for the losses of a run that repeats it. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "launcher/record/attempt_record.hpp"

namespace trireme::launcher {

/// What differs between two attempts, as sentences "parallel.tp 1 -> 2".
struct Differences {
  std::vector<std::string> rounding;  ///< the losses of both agree, but only to rounding
  std::vector<std::string> losses;    ///< they do not agree

  bool none() const { return rounding.empty() && losses.empty(); }
};

/// Compares options, data, device, nodes, ranks and threads, program, libraries, CPU and
/// environment. Keys that decide only what is saved, logged or asked of the queue are not among them. Throws
/// base::InputError when the options of a record cannot be read.
Differences differences_between(const AttemptRecord& before, const AttemptRecord& after);

/// Versions, commit, libraries, CPU kind and environment alone: what a machine has, whatever trains on it.
std::vector<std::string> machine_differences(const AttemptRecord& before, const AttemptRecord& after);

/// The steps of the metrics that one attempt did and no later one did again.
struct Stretch {
  std::size_t record = 0;  ///< its place among the records
  std::int64_t after = 0;  ///< the steps after this one
  std::int64_t last = 0;   ///< up to this one; kLastStep when no later attempt went on from there
  Differences since;       ///< from the attempt that is repeated
};
inline constexpr std::int64_t kLastStep = std::numeric_limits<std::int64_t>::max();

/// The stretches of `records`, from that of `first` on, in the order of steps; empty ones are left out.
std::vector<Stretch> stretches_of(const std::vector<AttemptRecord>& records, std::size_t first);

/// The first record whose attempt did steps that are in the metrics still.
std::size_t first_that_counts(const std::vector<AttemptRecord>& records);

/// How far a repeated run can give the same losses: bit by bit up to `bits`, to rounding up to `rounding`.
struct Comparable {
  std::int64_t bits = kLastStep;
  std::int64_t rounding = kLastStep;
};
Comparable comparable_steps(const std::vector<Stretch>& stretches);

/// A sentence for each stretch that differs from the first, for people.
std::vector<std::string> history_text(const std::vector<AttemptRecord>& records, const std::vector<Stretch>& stretches);

}  // namespace trireme::launcher
