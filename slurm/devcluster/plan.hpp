// A Slurm cluster on one machine, as values: its parts and the text of its configuration files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace trireme::devcluster {

struct Plan {
  std::filesystem::path directory;       ///< absolute; holds everything that belongs to the cluster
  int nodes = 4;                         ///< n1, n2, …
  int cpus_per_node = 4;                 ///< made up: the nodes share this machine's cores
  int memory_per_node = 4000;            ///< MiB, made up
  int gpus_per_node = 0;                 ///< made up: device files that nothing can compute on
  std::string preempt_mode = "requeue";  ///< how partition low is preempted: requeue, cancel, off
  int grace = 0;                         ///< seconds that a preempted job of partition low has left
  bool send_user_signal = false;         ///< sbatch --signal is also sent at preemption
  int kill_wait = 2;                     ///< seconds between SIGTERM and SIGKILL
  bool requeue = true;                   ///< JobRequeue
  int max_minutes = 0;                   ///< time limit of the partitions; 0: none
  bool accounting = false;               ///< slurmdbd over MariaDB
  bool links = false;                    ///< a network namespace per node
  int slurm_release = 2205;              ///< 2205 for 22.05; later releases have moved some settings
  int controller_port = 0;
  int accounting_port = 0;
  std::vector<int> node_ports;  ///< one each; with links all may be the same

  std::filesystem::path conf() const { return directory / "etc/slurm.conf"; }
  std::filesystem::path munge_socket() const { return directory / "run/munge.socket"; }
  std::filesystem::path log(const std::string& name) const { return directory / "log" / (name + ".log"); }
  /// Where the node's daemon listens: 127.0.0.1, or with links 10.99.<network>.<10 + number>.
  std::string address(int node) const;
  std::string controller_address() const;
  /// Slurm's ClusterName, a different one for each cluster of a machine.
  std::string cluster_name() const;
  int network = 0;  ///< 0 to 255: third byte of the addresses with links
};

/// "n1" for node 1.
std::string node_name(int node);
/// The number of the node with that name. Throws base::InputError when the cluster has no such node.
int node_number(const Plan& plan, const std::string& name);

/// The text of slurm.conf(5).
std::string slurm_conf(const Plan& plan);
/// The text of a node's mpi.conf(5): PMIx keeps its files in a directory of the node's own.
std::string mpi_conf(const Plan& plan, int node);
/// 2205 from "slurm-wlm 22.05.8". Throws base::Error when the text has no version.
int release_of(const std::string& version);
/// The text of gres.conf(5); device file i is <directory>/dev/gpu<i>.
std::string gres_conf(const Plan& plan);
/// The text of slurmdbd.conf(5).
std::string slurmdbd_conf(const Plan& plan);
/// The script whose "export" lines every batch script and task gets (TaskProlog): settings that Open MPI needs where
/// nodes share cores and root runs jobs.
std::string task_prolog(const Plan& plan);
/// The text of /etc/hosts on the nodes: `hosts`, then the nodes' names.
std::string hosts_file(const Plan& plan, const std::string& hosts);

/// Writes the plan as kept in <directory>/cluster.json, and reads it back. Reading throws base::Error when the text is
/// not such a plan.
std::string to_json(const Plan& plan);
Plan plan_from_json(const std::string& text);

}  // namespace trireme::devcluster
