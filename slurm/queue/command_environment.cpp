#include "slurm/queue/command_environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

extern char** environ;

namespace trireme::slurm {
namespace {

using Names = std::vector<std::string_view>;

bool begins_with_any(std::string_view name, const Names& beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
}

bool is_any(std::string_view name, const Names& names) { return std::ranges::find(names, name) != names.end(); }

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

bool changes_answers(std::string_view name) {
  return begins_with_any(name, {"SBATCH_", "SQUEUE_", "SINFO_", "SCONTROL_", "SACCT_", "SACCTMGR_", "SSHARE_"}) ||
         is_any(name, {"SLURM_TIME_FORMAT", "SLURM_BITSTR_LEN"});
}

// Outside a job a SLURM_* variable expresses the user's own wish for the steps of their jobs.
bool is_of_another_job(std::string_view name, bool in_job) {
  if (is_any(name, {"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"})) return false;
  if (begins_with_any(name, {"PMI_", "PMIX_", "OMPI_COMM_WORLD_", "OMPI_UNIVERSE_"})) return true;
  return in_job && begins_with_any(name, {"SLURM_", "SLURMD_"});
}

}  // namespace

std::vector<std::string> command_environment(const std::string& program, const std::vector<std::string>& variables) {
  const std::string_view base = std::string_view(program).substr(program.rfind('/') + 1);
  if (!is_any(base,
              {"env", "sbatch", "squeue", "sinfo", "scontrol", "sacct", "sacctmgr", "sshare", "srun", "scancel"})) {
    return variables;
  }
  const bool in_job =
      std::ranges::any_of(variables, [](const std::string& variable) { return variable.starts_with("SLURM_JOB_ID="); });
  std::vector<std::string> kept;
  for (const std::string& variable : variables) {
    const std::string_view name = name_of(variable);
    if (!changes_answers(name) && !(base == "sbatch" && is_of_another_job(name, in_job))) kept.push_back(variable);
  }
  return kept;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

std::vector<std::string> sbatch_variables(const std::vector<std::string>& variables) {
  std::vector<std::string> names;
  for (const std::string& variable : variables) {
    if (variable.starts_with("SBATCH_")) names.emplace_back(name_of(variable));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace trireme::slurm
