// The validations of a run: when they are due, what they find, and what the model writes then.
#pragma once

#include <cstdint>
#include <vector>

#include "launcher/attempt/attempt_parts.hpp"
#include "launcher/attempt/step_log.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

class Validations {
 public:
  /// All outlive the object.
  Validations(Session& session, AttemptParts& parts, StepLog& log);

  /// Collective: takes over those that the metrics of earlier attempts tell of.
  void find();
  /// Whether one belongs to the step that was just done.
  bool due(std::int64_t step) const;
  /// Whether it is due and was not made, since a stop left it unfinished.
  bool missed(std::int64_t step) const { return due(step) && newest_step_ != step; }
  /// Collective. The agreed vote of a stop that left it unfinished, else 0.
  std::int64_t validate(std::int64_t step);

  /// The newest step that was validated; 0 = none.
  std::int64_t newest_step() const { return newest_step_; }
  /// Collective: whether the newest one found the lowest loss so far.
  bool newest_is_best() const;
  /// Returns the validations of the run so far, oldest first; ranks other than 0 know those of this attempt.
  const std::vector<Validation>& all() const { return all_; }

 private:
  void write_samples(std::int64_t step);

  Session& session_;
  AttemptParts& parts_;
  const options::Resolved& resolved_;
  StepLog& log_;
  std::int64_t newest_step_ = 0;
  std::vector<Validation> all_;
};

}  // namespace trireme::launcher
