#include "io/checkpoint/run/prune.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "base/error.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/verified.hpp"

namespace trireme::checkpoint {

using Path = std::filesystem::path;

std::optional<std::int64_t> best_step(const std::vector<std::int64_t>& steps,
                                      const std::map<std::int64_t, double>& valid_losses) {
  std::optional<std::int64_t> best;
  for (const std::int64_t step : steps) {
    const auto loss = valid_losses.find(step);
    if (loss == valid_losses.end() || std::isnan(loss->second)) continue;
    if (!best || loss->second <= valid_losses.at(*best)) best = step;
  }
  return best;
}

std::vector<std::int64_t> steps_to_prune(const std::vector<std::int64_t>& steps,
                                         const std::vector<std::int64_t>& verified, const PrunePolicy& policy) {
  std::set<std::int64_t> stay;
  const auto keep = static_cast<std::size_t>(std::max<std::int64_t>(policy.keep, 2));
  for (std::size_t i = steps.size() > keep ? steps.size() - keep : 0; i < steps.size(); ++i) stay.insert(steps[i]);
  std::size_t kept_verified = 0;
  for (auto step = steps.rbegin(); step != steps.rend() && kept_verified < 2; ++step) {
    if (std::ranges::count(verified, *step) == 0) continue;
    stay.insert(*step);
    ++kept_verified;
  }
  if (policy.resumed_from) stay.insert(*policy.resumed_from);
  if (const auto best = best_step(steps, policy.valid_losses)) stay.insert(*best);
  std::vector<std::int64_t> doomed;
  for (const auto step : steps) {
    const bool round = policy.keep_every > 0 && step % policy.keep_every == 0;
    if (!round && !stay.contains(step)) doomed.push_back(step);
  }
  return doomed;
}

std::vector<std::int64_t> prune(base::FileSystem& files, const Path& run_directory, const PrunePolicy& policy) {
  auto doomed = steps_to_prune(committed_steps(files, run_directory), verified_steps(files, run_directory), policy);
  const Path directory = run_directory / "checkpoints";
  for (const auto step : doomed) {
    const Path trash = make_trash(files, directory);
    const std::string name = base::str("step_", step);
    files.remove_all(trash / name);
    files.rename(directory / name, trash / name);
    files.sync_directory(directory);
    files.remove_all(trash / name);
  }
  return doomed;
}

}  // namespace trireme::checkpoint
