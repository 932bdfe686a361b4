// A sweep's file: a run file with a [sweep] section beside the others. docs/sweeps.md lists the section's keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/options/run_options.hpp"
#include "launcher/sweep/asha.hpp"
#include "launcher/sweep/space.hpp"

namespace trireme::launcher {

/// The settings of a [sweep] section, beside its parameters.
struct SweepSettings {
  std::string name;                ///< default: run.name, else the file's name without .ini
  std::string dir;                 ///< default: sweeps/<name>
  std::string method = "product";  ///< product, random, sobol
  std::int64_t trials = 0;         ///< of random and sobol: points; 0: to be given
  std::int64_t seed = 0;           ///< of random and sobol
  std::int64_t seeds = 0;          ///< each point with run.seed = 1 … seeds; 0: with the run file's
  std::string constraint;          ///< see expression.hpp
  std::string metric = "valid_loss";
  std::string goal = "min";             ///< min, max
  std::string early_stopping = "asha";  ///< asha, none
  std::int64_t steps = 0;               ///< of a [program] run: the whole training; 0: not known
  std::int64_t min_steps = 0;           ///< the first rung; 0: steps / reduction^3
  std::int64_t reduction = 3;
};

struct SweepFile {
  SweepSettings settings;  ///< complete
  options::RunOptions base;
  ParameterSpace space;
  AshaPlan plan;
  bool asks_slurm = false;  ///< it has a [slurm] section, or the command line sets a key of one

  bool early_stopping() const { return plan.rungs.size() > 1; }
};

/// `origin` names the text in messages; its stem is the default name. Throws base::InputError in one sentence: what a
/// run file is refused for, an unknown setting (naming the nearest), a parameter that is no run key and that the
/// program does not know, keys that a sweep sets itself (run.dir, run.name, run.pause_at, train.steps, …).
SweepFile parse_sweep_file(const std::string& text, const std::string& origin, const options::Overrides& overrides);
SweepFile load_sweep_file(const std::string& path, const options::Overrides& overrides);

/// One trial: a point and the run file made of it.
struct SweepTrial {
  std::size_t number = 0;
  Assignment parameters;  ///< with run.seed, when seeds are swept
  options::RunOptions options;
};

/// All trials; trial n depends on the file and n alone. Throws base::InputError when there is none, when a value is not
/// allowed for its key, or when constraints leave nothing.
std::vector<SweepTrial> make_trials(const SweepFile& file);

/// "<dir>/trial_<n>".
std::string trial_directory(const std::string& dir, std::size_t number);

}  // namespace trireme::launcher
