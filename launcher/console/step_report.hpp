// What a person sees of a training step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>

namespace trireme::launcher {

struct StepReport {
  std::int64_t step = 0;   ///< 1 = the first optimizer step
  std::int64_t steps = 0;  ///< in the whole run
  double loss = 0.0;
  double grad_norm = 0.0;
  double lr = 0.0;
  double seconds = 0.0;  ///< duration of the step
  double tokens_per_second = 0.0;
  std::optional<double> peak_share;  ///< model FLOP/s over all ranks' measured matmul peak; nothing when not known
  double seconds_left = 0.0;         ///< until the end of the run
};

/// "step   120/1000  loss 3.4512  norm 0.812  lr 3.00e-04  332 ms  12.3k tokens/s  41% of peak  eta 3m 12s" in at most
/// `width` cells. With less room it leaves out the share of the peak, norm, lr, seconds, tokens/s, loss and eta, in
/// this order. Never shorter than "step 120/1000".
std::string format_step(const StepReport& report, std::size_t width = std::numeric_limits<std::size_t>::max());

/// "[=====>    ] step 120/1000  loss 3.4512  eta 3m 12s": a bar, and as much of format_step() as fits beside it. ""
/// when there is no room for a bar (less than 40 cells).
std::string format_step_bar(const StepReport& report, std::size_t width);

/// Prints steps. On a terminal it redraws one bar every step and prints a line every `every` steps above it, both as
/// wide as the window is then; elsewhere it prints only the lines.
class StepPrinter {
 public:
  /// A null stream makes the printer silent (on ranks other than 0).
  StepPrinter(std::FILE* stream, std::int64_t every);
  ~StepPrinter();

  void print(const StepReport& report);

 private:
  std::FILE* stream_;
  std::int64_t every_;
};

}  // namespace trireme::launcher
