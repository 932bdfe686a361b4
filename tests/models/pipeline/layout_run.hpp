// Runs a case of the layout matrix and compares it with the one-rank run.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "models/pipeline/groups.hpp"
#include "tests/models/pipeline/layout_case.hpp"

namespace trireme::tests {

constexpr int kSteps = 5;
constexpr double kLearningRate = 1e-3;

/// All that one run shows. Tensors are whole logical tensors, fp64, flattened.
struct Outcome {
  std::array<double, kSteps> losses{};
  std::array<double, kSteps> norms{};
  double evaluated = 0.0;                                 ///< validation loss at the model's length
  double evaluated_short = 0.0;                           ///< and at a length that tp does not divide
  std::vector<double> logits;                             ///< after a prefill and two more tokens
  std::map<std::string, std::vector<double>> gradients;   ///< of the first step
  std::map<std::string, std::vector<double>> parameters;  ///< at the end
  std::map<std::string, std::vector<double>> moments;     ///< Adam's second, at the end
};

/// On one rank.
Outcome run_alone(const LayoutCase& one);

/// Largest difference over its tolerance; above 1 is a failure.
struct Difference {
  double loss = 0.0;
  double norm = 0.0;
  double gradient = 0.0;
  double parameter = 0.0;
  double moment = 0.0;
  double evaluation = 0.0;
  double logits = 0.0;
  double badly_stored = 0.0;  ///< logical elements that no rank stores, or two ranks in different boxes
};
constexpr std::size_t kDifferences = sizeof(Difference) / sizeof(double);

/// On the ranks of `groups`: this rank's part of the comparison.
Difference run_and_compare(const LayoutCase& one, const pipeline::Groups& groups, const Outcome& expected);

/// The outcome of rank `root` on all ranks of `world`.
void share(Outcome& outcome, const LayoutCase& one, collectives::Communicator& world, int root);

}  // namespace trireme::tests
