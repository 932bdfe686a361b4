// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020, arXiv
// 1810.05934, algorithm 2) as a pure function: what every trial has reached, in; what a free worker does next, out.
//
// A trial is measured at rungs: step numbers that grow by `reduction`, the last one being the whole training. A trial
// is promoted from a rung to the next when it is among the best 1/reduction of those measured at it, whoever else is
// still on the way. With rungs {9, 27, 81}, reduction 3 and six trials measured at step 9, the best two go on to
// step 27.
#pragma once

#include <cstdint>
#include <vector>

namespace trireme::launcher {

struct AshaPlan {
  std::vector<std::int64_t> rungs;  ///< steps, ascending; the last one is the whole training
  std::int64_t reduction = 3;       ///< at least 2
  bool minimise = true;             ///< smaller metrics are better
};

/// The rungs min_steps * reduction^k below `steps`, and `steps`.
std::vector<std::int64_t> rungs_of(std::int64_t min_steps, std::int64_t reduction, std::int64_t steps);

struct AshaTrial {
  std::vector<double> metrics;  ///< at the rungs that it reached, the first rung first
  bool started = false;         ///< it was given to a worker at least once
  bool claimed = false;         ///< a worker has it now
  bool interrupted = false;     ///< its worker left it between two rungs
  bool out = false;             ///< diverged, failed or stopped: it is never taken again
  bool elsewhere = false;       ///< only other workers can take it
};

struct AshaDecision {
  enum class Kind { kRun, kWait, kDone };
  Kind kind = Kind::kDone;
  std::size_t trial = 0;
  std::size_t rung = 0;  ///< to train up to

  bool operator==(const AshaDecision&) const = default;
};

/// In this order: a trial that lost its worker goes on (the furthest one first, then by number); a promotion, from the
/// highest rung down, the best trial first; the first trial that was never started. When nothing of this is left and
/// nothing runs, and no trial was measured at the last rung, the best trial of the highest rung that has one is
/// promoted all the same: a sweep ends with a whole training. Waits while a running trial may still cause a promotion,
/// and while there is something to do elsewhere. Equal metrics are ranked by number. A trial that is out counts at the
/// rungs that it has metrics for.
AshaDecision decide(const AshaPlan& plan, const std::vector<AshaTrial>& trials);

/// The trials measured at `rung`, the best first; without those that are out, if `alive_only`.
std::vector<std::size_t> ranking(const AshaPlan& plan, const std::vector<AshaTrial>& trials, std::size_t rung,
                                 bool alive_only);

/// Steps that a sweep of `trials` trials does when promotions wait for whole rungs: what to expect before it starts.
std::int64_t expected_steps(const AshaPlan& plan, std::int64_t trials);

}  // namespace trireme::launcher
