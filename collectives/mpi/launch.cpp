#include "collectives/mpi/launch.hpp"

#include <cstdlib>

namespace trireme::collectives {

Launch how_started(const std::function<std::optional<std::string>(const std::string& name)>& lookup) {
  const auto number = [&](const char* name) { return std::atoi(lookup(name).value_or("0").c_str()); };
  if (lookup("OMPI_COMM_WORLD_SIZE") || number("PMI_SIZE") > 1) return Launch::kByLauncher;
  const std::string space = lookup("PMIX_NAMESPACE").value_or("");
  if (!space.empty() && !space.starts_with("slurm.")) return Launch::kByLauncher;  // a launcher within the step
  const bool in_step = lookup("SLURM_STEP_ID").has_value();
  const int tasks = number("SLURM_STEP_NUM_TASKS");
  if (in_step && tasks == 1) return Launch::kAloneInStep;
  if (lookup("PMIX_RANK") || lookup("PMI_RANK") || lookup("PMI_SIZE")) return Launch::kByLauncher;
  return in_step && tasks > 1 ? Launch::kUnwired : Launch::kAlone;
}

}  // namespace trireme::collectives
