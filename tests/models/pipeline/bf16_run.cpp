#include "tests/models/pipeline/bf16_run.hpp"

#include <algorithm>
#include <cmath>

#include "tests/models/pipeline/bf16_bound.hpp"

namespace trireme::tests {
namespace {

using pipeline::StateTensor;

double length(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

/// A difference that is not a number is as bad as can be.
void raise(double& worst, double ratio) { worst = ratio <= worst ? worst : std::isnan(ratio) ? 1e300 : ratio; }

std::size_t elements_of(const Outcome& outcome) {
  std::size_t all = 0;
  for (const auto& [name, values] : outcome.gradients) all += values.size();
  return all;
}

/// Raises `worst` by each box: its distance over `bound` times its length. Where that is small because the summands
/// cancel, the box counts as long as its share of the tensor, or of the whole gradient, is on average.
void compare(const std::vector<StateTensor>& gradients, const Outcome& expected, double bound, double& worst) {
  const double usual = expected.norms[0] / std::sqrt(static_cast<double>(elements_of(expected)));
  for (const StateTensor& part : gradients) {
    const std::vector<double>& whole = expected.gradients.at(part.name);
    std::vector<double> there(static_cast<std::size_t>(part.box.elements()));
    if (there.empty()) continue;
    topology::copy_box(part.box, topology::whole(part.shape), whole.data(), part.box, there.data(), sizeof(double));
    std::vector<double> apart = values_of(part.data);
    for (std::size_t index = 0; index < apart.size(); ++index) apart[index] -= there[index];
    const double size = std::sqrt(static_cast<double>(there.size()));
    const double share = size / std::sqrt(static_cast<double>(whole.size()));
    const double counted = std::max({length(there), share * length(whole), size * usual});
    raise(worst, length(apart) / (bound * counted));
  }
}

void compare(const pipeline::StepResult& result, const Outcome& expected, const Bf16Bound& bound, Bf16Ratio& worst) {
  const auto relative = [](double here, double there) { return std::abs(here - there) / std::abs(there); };
  raise(worst.loss, relative(result.loss, expected.losses[0]) / bound.loss);
  raise(worst.norm, relative(result.grad_norm, expected.norms[0]) / bound.norm);
}

}  // namespace

Bf16Ratios compare_bf16(const LayoutCase& one, const pipeline::Groups& groups, const Outcome& fp64,
                        const Outcome& one_rank) {
  const Bf16Bound to_fp64 = bound_to_fp64(one, fp64.losses[0]);
  const Bf16Bound to_one_rank = bound_to_one_rank(one, one_rank.losses[0]);
  Bf16Ratios worst;
  Look look;
  look.step = [&](int, const pipeline::StepResult& result) {
    compare(result, fp64, to_fp64, worst.to_fp64);
    compare(result, one_rank, to_one_rank, worst.to_one_rank);
  };
  look.gradients = [&](const std::vector<StateTensor>& gradients) {
    compare(gradients, fp64, to_fp64.gradient, worst.to_fp64.gradient);
    compare(gradients, one_rank, to_one_rank.gradient, worst.to_one_rank.gradient);
  };
  run(one, groups, {look});
  return worst;
}

}  // namespace trireme::tests
