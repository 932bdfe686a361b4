// What a program that run_command() starts sees of our own environment.
#pragma once

#include <string>
#include <vector>

namespace trireme::slurm {

/// `variables` ("NAME=value") as `program` gets them. Slurm's commands, and env, which starts some of them, do without
/// the variables that change what they ask for, list or print (SBATCH_*, SQUEUE_*, SINFO_*, …, SLURM_TIME_FORMAT): our
/// words say all of it, and a user's SQUEUE_STATES=PENDING must not hide a running job. Inside a job, sbatch also does
/// without what that job was told about itself (SLURM_*, and what MPI told a rank), which the new job would inherit;
/// where Slurm is (SLURM_CONF, SLURM_CLUSTERS, SLURM_JWT) stays.
std::vector<std::string> command_environment(const std::string& program, const std::vector<std::string>& variables);

/// This process's own variables, as command_environment() takes them.
std::vector<std::string> own_environment();

/// Names of the variables by which somebody means to tell sbatch something ("SBATCH_PARTITION"), sorted.
std::vector<std::string> sbatch_variables(const std::vector<std::string>& variables);

}  // namespace trireme::slurm
