// Which trials of a sweep fit the same jobs, and how many workers each kind of job gets. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

/// Trials whose jobs ask Slurm for the same and start in the same way.
struct TrialShape {
  std::string key;  ///< what they ask for
  std::vector<std::size_t> trials;
};

/// Shapes of trials 0 … `trials` - 1 in the order in which their first trials come, so that a sweep that gets more
/// trials keeps the numbers of its shapes.
std::vector<TrialShape> shapes_of(std::size_t trials, const std::function<std::string(std::size_t trial)>& key);

/// Splits `workers` over shapes of so many trials: at least one each and no more than it has trials, otherwise in
/// proportion. Throws base::InputError when there are fewer workers than shapes.
std::vector<std::int64_t> share_workers(std::int64_t workers, const std::vector<TrialShape>& shapes);

/// The mean over all trials of a price that trials of a shape share: 3 trials at 10 and 1 at 30 make 15. Nothing when
/// the price of one shape is not known.
std::optional<double> mean_price(const std::vector<std::int64_t>& trials,
                                 const std::vector<std::optional<double>>& prices);

}  // namespace trireme::launcher
