// What share of the measured peak a step reaches.
#pragma once

#include <cstdint>
#include <optional>

#include "launcher/session/session.hpp"

namespace trireme::launcher {

class PeakMeter {
 public:
  /// Collective: measures the peak. `session` outlives the object.
  explicit PeakMeter(Session& session) : session_(session), peak_(session.measure_peak()) {}

  /// The share of the peak that a step of so many tokens and seconds reached; nothing when it cannot be: the peak was
  /// measured in a bad moment. Then, and close to it, the peak is to be measured again, a few times at most.
  std::optional<double> share(std::int64_t tokens, double seconds);
  bool wants_measurement() const { return exceeded_; }
  /// Collective.
  void measure_again();

 private:
  Session& session_;
  double peak_;  ///< FLOP/s of all ranks together
  int measurements_ = 1;
  bool exceeded_ = false;  ///< a step was faster than the peak, or nearly
};

}  // namespace trireme::launcher
