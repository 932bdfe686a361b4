#include <algorithm>

#include "base/error.hpp"
#include "launcher/sweep/draws.hpp"
#include "launcher/sweep/program_parameters.hpp"
#include "launcher/sweep/sweep_file.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

constexpr std::size_t kMostTrials = 100'000;
constexpr std::uint64_t kMostDraws = 1000;  // for one trial, before the constraints count as leaving nothing

[[noreturn]] void refuse_constraint(const SweepFile& file) {
  throw InputError(str("[sweep] constraint '", file.settings.constraint, "' leaves hardly a point: ", kMostDraws,
                       " draws found none more; loosen it or change the values"));
}

std::vector<Assignment> random_points(const SweepFile& file, const BaseValue& base) {
  const auto seed = static_cast<std::uint64_t>(file.settings.seed);
  std::vector<Assignment> points;
  for (std::uint64_t trial = 0; trial < static_cast<std::uint64_t>(file.settings.trials); ++trial) {
    for (std::uint64_t attempt = 0;; ++attempt) {
      if (attempt == kMostDraws) refuse_constraint(file);
      Assignment point = point_at(
          file.space, [&](std::size_t i) { return random_place(seed, trial, attempt, file.space.parameters[i].name); });
      if (!satisfies(file.space, point, base)) continue;
      points.push_back(std::move(point));
      break;
    }
  }
  return points;
}

// Points that a constraint refuses are left out, so trial n is the n-th point that is allowed.
std::vector<Assignment> sobol_points(const SweepFile& file, const BaseValue& base) {
  const std::size_t dimensions = file.space.parameters.size();
  if (dimensions > kMostSobolDimensions) {
    throw InputError(str("[sweep] has ", dimensions, " parameters, and Sobol's sequence at most ", kMostSobolDimensions,
                         ": set method = random"));
  }
  std::vector<Assignment> points;
  std::uint64_t refused = 0;
  for (std::uint64_t index = 0; points.size() < static_cast<std::size_t>(file.settings.trials); ++index) {
    const auto places = sobol_point(index, dimensions, static_cast<std::uint64_t>(file.settings.seed));
    Assignment point = point_at(file.space, [&](std::size_t i) { return places[i]; });
    if (!satisfies(file.space, point, base)) {
      if (++refused == kMostDraws) refuse_constraint(file);
      continue;
    }
    refused = 0;
    points.push_back(std::move(point));
  }
  return points;
}

std::vector<Assignment> points_of(const SweepFile& file) {
  const BaseValue base = [&](const std::string& name) { return base_value(file.base, name); };
  if (file.settings.method == "random") return random_points(file, base);
  if (file.settings.method == "sobol") return sobol_points(file, base);
  auto points = product(file.space, base, kMostTrials);
  if (points.empty()) {
    throw InputError(str("[sweep] constraint '", file.settings.constraint, "' leaves no combination: loosen it"));
  }
  return points;
}

// A pause validates only where a validation is due, so one must be due at every rung.
void validate_at_rungs(const SweepFile& file, options::RunOptions& options) {
  if (!file.early_stopping() || file.settings.metric != "valid_loss" || options.program.given()) return;
  std::int64_t& every = options.log.valid_every_steps;
  if (every == 0 || file.plan.rungs.front() % every != 0) every = file.plan.rungs.front();
}

SweepTrial make_trial(const SweepFile& file, std::size_t number, const Assignment& parameters) {
  SweepTrial trial{number, parameters, file.base};
  for (const auto& [name, value] : parameters) {
    try {
      set_parameter(trial.options, name, value);
    } catch (const InputError& error) {
      throw InputError(str("[sweep] trial ", number, ": ", error.what()));
    }
  }
  validate_at_rungs(file, trial.options);
  trial.options.run.name = str(file.settings.name, "-", number);
  trial.options.run.dir = trial_directory(file.settings.dir, number);
  return trial;
}

}  // namespace

std::string trial_directory(const std::string& dir, std::size_t number) { return str(dir, "/trial_", number); }

std::vector<SweepTrial> make_trials(const SweepFile& file) {
  const std::int64_t seeds = file.settings.seeds;
  std::vector<SweepTrial> trials;
  for (Assignment point : points_of(file)) {
    for (std::int64_t seed = 1; seed <= std::max<std::int64_t>(seeds, 1); ++seed) {
      if (trials.size() == kMostTrials) throw InputError(str("[sweep] has more than ", kMostTrials, " trials"));
      Assignment parameters = point;
      if (seeds > 0) parameters.emplace_back("run.seed", std::to_string(seed));
      trials.push_back(make_trial(file, trials.size(), parameters));
    }
  }
  return trials;
}

}  // namespace trireme::launcher
