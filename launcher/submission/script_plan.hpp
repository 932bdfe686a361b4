// What the batch scripts of `submit` and of `sweep run` have in common: the cluster, and what follows from run files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/options/run_options.hpp"
#include "slurm/site/site.hpp"
#include "slurm/submit/batch_script.hpp"

namespace trireme::launcher {

/// The cluster: from the site file that is named or found, else as Slurm says. Names the file that it takes, so that
/// what it says later is no riddle: in a line of the answer, which a dry run keeps for the script. Throws
/// base::InputError when there is neither, and for a file of another cluster.
slurm::Site site_of(const std::string& named, bool dry_run);

/// Seconds that an attempt needs from a notice to its end: for a step and a save, as the attempts of the run in `run`
/// measured (0: none did), or what a program says that it needs.
double stop_seconds(base::FileSystem& files, const options::RunOptions& options, const std::filesystem::path& run);

/// The request of a run's job. A program that is one process needs no number of ranks.
slurm::JobRequest request_of(const options::RunOptions& options);

/// Sets what starts the ranks. All tasks of a job array share their script: throws base::InputError when the runs'
/// programs start in different ways.
void choose_starter(const std::vector<options::RunOptions>& runs, const slurm::Site& site, slurm::ScriptPlan& plan);

/// Throws base::InputError when the plan starts ranks by an mpirun that would use ssh.
void refuse_mpirun_without_slurm(const slurm::ScriptPlan& plan, const slurm::Site& site);

/// The team's directory for runs that read a team's datasets and whose command line names none, as their files were
/// loaded here: the job looks for no site file. "" when there is nothing to hand on, or the runs have different ones.
std::string team_tree_of(const std::vector<options::RunOptions>& runs, const options::Overrides& overrides);

/// "--section.key=value" for what the site knows better than the run files.
std::vector<std::string> site_overrides(const std::vector<options::RunOptions>& runs, const slurm::Site& site);

/// Warns of somebody's own defaults for sbatch: not what was checked, so they do not reach it.
void name_ignored_variables();

}  // namespace trireme::launcher
