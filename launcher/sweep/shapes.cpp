#include "launcher/sweep/shapes.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::launcher {

std::vector<TrialShape> shapes_of(std::size_t trials, const std::function<std::string(std::size_t trial)>& key) {
  std::vector<TrialShape> shapes;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    const std::string own = key(trial);
    auto shape = std::ranges::find(shapes, own, &TrialShape::key);
    if (shape == shapes.end()) shape = shapes.insert(shapes.end(), {own, {}});
    shape->trials.push_back(trial);
  }
  return shapes;
}

std::vector<std::int64_t> share_workers(std::int64_t workers, const std::vector<TrialShape>& shapes) {
  const auto count = std::ssize(shapes);
  if (workers < count) {
    throw base::InputError(base::str("the trials need ", count, " kinds of jobs, which differ in what they ask Slurm ",
                                     "for, and each kind a worker of its own: give --max-running ", count, " or more"));
  }
  std::vector<std::int64_t> shares(shapes.size(), 1);
  // One more at a time, to the shape with the most trials for each worker.
  for (std::int64_t left = workers - count; left > 0; --left) {
    std::size_t neediest = 0;
    double most = 0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto trials = std::ssize(shapes[i].trials);
      const double need = static_cast<double>(trials) / static_cast<double>(shares[i]);
      if (shares[i] < trials && need > most) {
        most = need;
        neediest = i;
      }
    }
    if (most == 0) break;
    ++shares[neediest];
  }
  return shares;
}

std::optional<double> mean_price(const std::vector<std::int64_t>& trials,
                                 const std::vector<std::optional<double>>& prices) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!prices[i]) return std::nullopt;
    sum += static_cast<double>(trials[i]) * *prices[i];
    count += static_cast<double>(trials[i]);
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

}  // namespace trireme::launcher
