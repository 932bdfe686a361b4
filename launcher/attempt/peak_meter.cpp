#include "launcher/attempt/peak_meter.hpp"

#include <algorithm>

#include "models/spec/cost.hpp"

namespace trireme::launcher {

std::optional<double> PeakMeter::share(std::int64_t tokens, double seconds) {
  constexpr int kMeasurements = 5;
  const double flops =
      static_cast<double>(tokens) * spec::train_flops(session_.resolved().model, spec::AttentionCount::kCausal);
  const double share = flops / seconds / peak_;
  exceeded_ = share > 0.95 && measurements_ < kMeasurements;
  return share <= 1 ? std::optional(share) : std::nullopt;
}

void PeakMeter::measure_again() {
  peak_ = std::max(peak_, session_.measure_peak());
  ++measurements_;
  exceeded_ = false;
}

}  // namespace trireme::launcher
