// What is written down of steps and validations: lines of the metrics, and lines for people.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "base/log.hpp"
#include "launcher/attempt/position.hpp"
#include "launcher/attempt/run_keeper.hpp"
#include "launcher/attempt/step_times.hpp"
#include "launcher/console/step_report.hpp"

namespace trireme::launcher {

/// Every rank has one; on ranks other than 0 the keeper and the log drop what they get, and `stream` is null.
class StepLog {
 public:
  /// `keeper` and `stream` outlive the object. `sequence`: tokens of a sample. Steps are printed to `stream` `every` so
  /// many steps.
  StepLog(RunKeeper& keeper, std::int64_t sequence, std::FILE* stream, std::int64_t every, const base::Log& log)
      : keeper_(keeper), sequence_(sequence), printer_(stream, every), log_(log) {}

  /// The step that led to `at`. Its report lacks seconds_left.
  void done(const Position& at, StepReport report, const StepTimes& times);
  /// The step that led to `at` updated nothing.
  void skipped(const Position& at);
  /// The mean loss over so many targets after `step`.
  void validated(std::int64_t step, double loss, std::int64_t targets);
  /// What the model wrote after `prompt`.
  void sampled(std::int64_t step, const std::string& prompt, const std::string& text);

 private:
  std::int64_t tokens(const Position& at) const { return static_cast<std::int64_t>(at.consumed_samples) * sequence_; }

  RunKeeper& keeper_;
  std::int64_t sequence_;
  StepPrinter printer_;
  base::Log log_;
  std::int64_t timed_steps_ = 0;  ///< of this attempt
  double mean_seconds_ = 0.0;     ///< of a step, exponentially smoothed, without the first
};

}  // namespace trireme::launcher
