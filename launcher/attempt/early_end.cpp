#include "launcher/attempt/early_end.hpp"

#include <cstdio>
#include <limits>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

std::string four_digits(double loss) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", loss);
  return text;
}

std::string reason_of_plateau(const options::StopRule& rule, const std::vector<Validation>& validations) {
  Validation lowest{0, std::numeric_limits<double>::infinity()};
  std::int64_t since = 0;
  for (const Validation& validation : validations) {
    const bool lower = validation.loss < lowest.loss;
    if (lower) lowest = validation;
    since = lower ? 0 : since + 1;
  }
  if (since < rule.validations) return "";
  const std::string best =
      lowest.step == 0 ? "" : base::str(" than ", four_digits(lowest.loss), " at step ", lowest.step);
  return base::str("done early: ", since, since == 1 ? " validation" : " validations", " without a lower valid_loss",
                   best);
}

}  // namespace

std::string reason_to_end(const options::StopRule& rule, const std::vector<Validation>& validations) {
  using Kind = options::StopRule::Kind;
  if (validations.empty() || rule.kind == Kind::kNone) return "";
  if (rule.kind == Kind::kPlateau) return reason_of_plateau(rule, validations);
  const double loss = validations.back().loss;
  if (!(loss <= rule.loss)) return "";
  return base::str("done early: valid_loss ", four_digits(loss), " reached the ", options::to_string(rule));
}

slurm::Outcome pause_outcome(std::int64_t step) {
  return {base::kExitStopped, base::str("paused at step ", step), step, step, false};
}

std::optional<std::int64_t> paused_already(const std::vector<slurm::Attempt>& attempts, std::int64_t saved_step,
                                           std::int64_t pause_at, std::int64_t steps) {
  if (pause_at == 0 || attempts.empty()) return std::nullopt;
  const slurm::Attempt& last = attempts.back();
  const std::int64_t step = last.end.last_step;
  const bool stands = last.ended && slurm::is_paused(last.end.reason) && step == saved_step;
  return stands && step >= pause_at && step < steps ? std::optional(step) : std::nullopt;
}

}  // namespace trireme::launcher
