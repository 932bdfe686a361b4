// The entries of the table of keys.
#include "slurm/site/site_table.hpp"

namespace trireme::slurm {

// The table is easier to read with one entry after the other.
// clang-format off
const std::vector<SiteKey<Site>>& slurm_keys() {
  static const std::vector<SiteKey<Site>> keys = {
      {"cluster", &Site::cluster, "the cluster's name"},
      {"slurm_version", &Site::slurm_version, "from 24.05 on a job that ends inside its grace is requeued"},
      {"preempt_type", &Site::preempt_type, "what decides who preempts: preempt/none, partition_prio or qos"},
      {"send_user_signal", &Site::send_user_signal, "yes: --signal is also sent at preemption, instead of SIGTERM"},
      {"requeue", &Site::requeue, "no: only jobs that ask for it (--requeue) are requeued"},
      {"kill_wait", &Site::kill_wait, "seconds between SIGTERM and SIGKILL"},
      {"preempt_exempt_time", &Site::preempt_exempt_time, "a job younger than this is not preempted", Form::kDuration},
      {"node_timeout", &Site::node_timeout, "seconds without an answer after which a node counts as dead"},
      {"max_array_size", &Site::max_array_size, "largest index of a job array, and one; 0: no arrays"},
      {"accounting", &Site::accounting, "yes: sacctmgr and sshare answer, so that shares of the cluster are known"},
      {"billing_takes_largest", &Site::billing_takes_largest,
       "yes: a node is billed by its dearest resource, not by the sum"},
      {"submit_from_nodes", &Site::submit_from_nodes,
       "yes, no or unknown: sbatch works on compute nodes; correct it when you know"}};
  return keys;
}

const std::vector<SiteKey<Site>>& mpi_keys() {
  static const std::vector<SiteKey<Site>> keys = {
      {"mpi_types", &Site::mpi_types, "what srun --mpi= offers"},
      {"mpi_default", &Site::mpi_default, "what srun takes without --mpi"},
      {"mpirun_version", &Site::mpirun_version, "of the mpirun found here (modules change it); empty: none"},
      {"mpirun_has_slurm", &Site::mpirun_has_slurm, "no: mpirun would start its daemons by ssh"}};
  return keys;
}

const std::vector<SiteKey<Site>>& needs_keys() {
  static const std::vector<SiteKey<Site>> keys = {
      {"modules", &Site::modules, "a \"module load\" line; the key may come several times", Form::kLines},
      {"container", &Site::container, "before trireme on the ranks: apptainer exec --nv trireme.sif", Form::kShell},
      {"account", &Site::account, "charged for the jobs; empty: your default account"},
      {"gpu_request", &Site::gpu_request, "how GPUs are asked for; empty: --gpus-per-node={gpus}", Form::kShell},
      {"launcher_arguments", &Site::launcher_arguments, "words after mpirun or srun", Form::kWords},
      {"prolog", &Site::prolog, "a line of shell before the launcher; the key may come several times", Form::kLines},
      {"node_directories_persist", &Site::node_directories_persist, "yes: node-local directories outlive a job"},
      {"team_tree", &Site::team_tree, "the directory of the team's runs and datasets (trireme runs, trireme data); empty: runs"},
      {"queue_seconds", &Site::queue_seconds, "seconds between two questions to the queue while runs train, at least"}};
  return keys;
}

const std::vector<SiteKey<Partition>>& partition_keys() {
  static const std::vector<SiteKey<Partition>> keys = {
      {"state", &Partition::state, "up, down (jobs queue, none starts), drain (no new jobs), inactive"},
      {"is_default", &Partition::is_default, "yes: of jobs that name no partition"},
      {"time_limit", &Partition::time_limit, "of one job", Form::kDuration},
      {"default_time", &Partition::default_time, "of jobs that ask for no time; unset: the limit", Form::kDuration},
      {"over_time_limit", &Partition::over_time_limit, "past its limit before a job is killed", Form::kDuration},
      {"nodes", &Partition::nodes, "in the partition, whatever their state"},
      {"min_nodes", &Partition::min_nodes, "of one job"},
      {"max_nodes", &Partition::max_nodes, "of one job"},
      {"cpus_per_node", &Partition::cpus_per_node, "of the smallest node, hardware threads counted; 0: not known"},
      {"memory_per_node", &Partition::memory_per_node, "MiB, of the smallest node; 0: not known"},
      {"gpus_per_node", &Partition::gpus_per_node, "of the smallest node that has any"},
      {"gpu_type", &Partition::gpu_type, "empty: untyped, or several types"},
      {"node_kinds", &Partition::node_kinds, "nodes:cpus:MiB:gpus:type of nodes that are alike"},
      {"exclusive", &Partition::exclusive, "yes: jobs get, and pay for, whole nodes"},
      {"default_memory_per_cpu", &Partition::default_memory_per_cpu, "MiB, of jobs that ask for none"},
      {"default_memory_per_node", &Partition::default_memory_per_node, "MiB, of jobs that ask for none"},
      {"max_memory_per_cpu", &Partition::max_memory_per_cpu, "MiB that a job may ask for"},
      {"max_memory_per_node", &Partition::max_memory_per_node, "MiB that a job may ask for"},
      {"allow_accounts", &Partition::allow_accounts, "the only accounts that may use it; empty: all"},
      {"allow_qos", &Partition::allow_qos, "the only QOS that may use it; empty: all"},
      {"priority_tier", &Partition::priority_tier, "jobs of a higher tier are started first and may preempt"},
      {"preempted_by", &Partition::preempted_by, "partitions that may take the nodes of a running job"},
      {"preempt_mode", &Partition::preempt_mode, "what happens then: off (never), requeue, cancel, suspend"},
      {"grace", &Partition::grace, "seconds between the notice and the kill"},
      {"billing_weights", &Partition::billing_weights, "billing units per CPU, MiB, GPU …; empty: one per CPU"}};
  return keys;
}

const std::vector<SiteKey<Qos>>& qos_keys() {
  static const std::vector<SiteKey<Qos>> keys = {
      {"time_limit", &Qos::time_limit, "of one job; unlimited: the partition's", Form::kDuration},
      {"preempted_by", &Qos::preempted_by, "QOS that may take the nodes of a running job"},
      {"preempt_mode", &Qos::preempt_mode, "what happens then: off (never), requeue, cancel, suspend"},
      {"grace", &Qos::grace, "seconds between the notice and the kill"},
      {"priority", &Qos::priority, "of its jobs in the queue; submit --spare takes the lowest"}};
  return keys;
}
// clang-format on

}  // namespace trireme::slurm
