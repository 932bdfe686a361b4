// What a program that run_command() starts sees of our environment.
#pragma once

#include <string>
#include <vector>

namespace trireme::slurm {

/// Filters `variables` ("NAME=value") for `program`. Slurm's commands, and env, which starts some of them, do not get
/// the variables that change what they ask for, list or print (SBATCH_*, SQUEUE_*, SINFO_*, …, SLURM_TIME_FORMAT): our
/// words say all of it, and a user's SQUEUE_STATES=PENDING must not hide a running job. Inside a job, sbatch also does
/// not get what that job was told about itself (SLURM_*, and what MPI told a rank), since the new job would inherit it.
/// The variables that say where Slurm is (SLURM_CONF, SLURM_CLUSTERS, SLURM_JWT) stay.
std::vector<std::string> command_environment(const std::string& program, const std::vector<std::string>& variables);

/// This process's own variables, in the form that command_environment() takes.
std::vector<std::string> own_environment();

/// The names of the variables by which the user sets options of sbatch ("SBATCH_PARTITION"), sorted.
std::vector<std::string> sbatch_variables(const std::vector<std::string>& variables);

}  // namespace trireme::slurm
