// What a person sees of a step.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace trireme::launcher {

struct StepReport {
  std::int64_t step = 0;   ///< 1 = the first optimizer step
  std::int64_t steps = 0;  ///< in the whole run
  double loss = 0.0;
  double grad_norm = 0.0;
  double lr = 0.0;
  double tokens_per_second = 0.0;
  double peak_share = 0.0;    ///< model FLOP/s over the measured matmul peak of all ranks, 0..1
  double seconds_left = 0.0;  ///< to the end of the run
};

/// "step   120/1000  loss 3.4512  norm 0.812  lr 3.00e-04  12.3k tokens/s  41% of peak  eta 3m 12s"
std::string format_step(const StepReport& report);

/// Prints steps: on a terminal one bar that is redrawn every step, with a line every `every` steps above it;
/// elsewhere only the lines.
class StepPrinter {
 public:
  /// A printer with a null stream is silent (ranks other than 0).
  StepPrinter(std::FILE* stream, std::int64_t every);
  ~StepPrinter();

  void print(const StepReport& report);
  /// Before other output goes to the same stream.
  void clear_bar();

 private:
  std::FILE* stream_;
  std::int64_t every_;
  bool terminal_;
  bool bar_shown_ = false;
};

}  // namespace trireme::launcher
