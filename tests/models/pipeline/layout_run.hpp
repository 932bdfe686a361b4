// Runs a case of the layout matrix and compares it with the one-rank run.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "models/pipeline/groups.hpp"
#include "models/pipeline/state.hpp"
#include "tests/models/pipeline/layout_case.hpp"

namespace trireme::tests {

constexpr int kSteps = 5;
constexpr double kLearningRate = 1e-3;

/// What is looked at during a run.
struct Look {
  std::function<void(int step, const pipeline::StepResult& result)> step;
  std::function<void(const std::vector<pipeline::StateTensor>& gradients)> gradients;  ///< of the first step
  std::function<void(const std::vector<pipeline::StateTensor>& state)> state;          ///< at the end
  std::function<void(double full, double shorter)> evaluation;
  std::function<void(const at::Tensor& logits)> logits;
};
/// Whether the case's model generates token by token. With a full mask it cannot: only its evaluation is compared.
bool generates(const LayoutCase& one);
/// Trains kSteps steps on the ranks of `groups`, evaluates and generates; every look is taken, but that at the logits
/// only of models that generate. Throws base::Error when one that cannot generate is not refused.
void run(const LayoutCase& one, const pipeline::Groups& groups, const std::vector<Look>& looks);

/// The values as fp64, which holds those of every narrower type exactly.
std::vector<double> values_of(const at::Tensor& tensor);

/// All that one run shows. Tensors are whole logical tensors, fp64, flattened.
struct Outcome {
  std::array<double, kSteps> losses{};
  std::array<double, kSteps> norms{};
  double evaluated = 0.0;                                 ///< validation loss at the model's length
  double evaluated_short = 0.0;                           ///< and at a length that tp does not divide
  std::vector<double> logits;                             ///< after a prefill and two more tokens
  std::map<std::string, std::vector<double>> gradients;   ///< of the first step
  std::map<std::string, std::vector<double>> parameters;  ///< at the end
  /// What the update rules keep at the end: for each slot, whole tensors.
  std::map<std::string, std::map<std::string, std::vector<double>>> slots;
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

/// On the ranks of `groups`: this rank's part of the comparison. Takes another look at the same run, too.
Difference run_and_compare(const LayoutCase& one, const pipeline::Groups& groups, const Outcome& expected,
                           const Look& another);

/// The outcome of rank `root` on all ranks of `world`.
void share(Outcome& outcome, const LayoutCase& one, collectives::Communicator& world, int root);

}  // namespace trireme::tests
