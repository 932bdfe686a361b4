#include "slurm/site/preemption.hpp"

#include <algorithm>

#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {

Preemption preemption_of(const Site& site, const Partition& partition, const std::string& qos) {
  if (site.preempt_type != "preempt/qos") {
    if (partition.preempt_mode == PreemptMode::kOff) return {};
    return {partition.preempt_mode, partition.grace, partition.preempted_by};
  }
  const Qos* quality = site.quality(qos);
  if (quality == nullptr || quality->preempt_mode == PreemptMode::kOff) return {};
  return {quality->preempt_mode, quality->grace, quality->preempted_by};
}

bool requeued_when_ended_in_grace(const Site& site) {
  const std::size_t dot = site.slurm_version.find('.');
  if (dot == std::string::npos) return false;
  const auto year = leading_number(site.slurm_version), month = leading_number(site.slurm_version.substr(dot + 1));
  return year && month && (*year > 24 || (*year == 24 && *month >= 5));
}

bool mpirun_can_wait(const Site& site) {
  const std::string name = "Open MPI ";
  if (!site.mpirun_version.starts_with(name)) return false;
  return leading_number(site.mpirun_version.substr(name.size())).value_or(5) < 5;
}

bool srun_has_pmix(const Site& site) {
  return std::any_of(site.mpi_types.begin(), site.mpi_types.end(),
                     [](const std::string& type) { return type.starts_with("pmix"); });
}

}  // namespace trireme::slurm
