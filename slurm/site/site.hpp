// A site: the facts of one Slurm cluster that decide how a job is asked for and what happens to it. Plain values;
// read from Slurm's answers by read_site (site_facts.hpp) and kept in a site file (INI).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace trireme::slurm {

/// What happens to a preempted job (PreemptMode; slurm.conf(5)).
enum class PreemptMode { kOff, kRequeue, kCancel, kSuspend };

struct Partition {
  std::string name;
  bool is_default = false;
  std::optional<std::int64_t> time_limit;    ///< seconds; nothing = unlimited
  std::optional<std::int64_t> default_time;  ///< seconds, of jobs that ask for none; nothing = the time limit
  std::int64_t nodes = 0;
  std::optional<std::int64_t> max_nodes;         ///< of one job; nothing = no limit
  std::int64_t cpus_per_node = 0;                ///< of the smallest node
  std::int64_t memory_per_node = 0;              ///< MiB, of the smallest node
  std::int64_t gpus_per_node = 0;                ///< of the smallest node that has any; 0 = none has
  std::string gpu_type;                          ///< "a100"; "" when untyped
  std::int64_t priority_tier = 1;                ///< jobs of a higher tier preempt those of a lower one
  PreemptMode preempt_mode = PreemptMode::kOff;  ///< what happens to its jobs when they are preempted
  std::int64_t grace = 0;                        ///< seconds between notice and kill
  std::map<std::string, double>
      billing_weights;  ///< TRESBillingWeights: "cpu" -> 1.0, "gres/gpu" -> 10.0, per unit ("mem" per MiB)
};

struct Site {
  // Facts, as Slurm told them.
  std::string cluster;
  std::string slurm_version;              ///< "22.05.8"
  std::string preempt_type;               ///< "preempt/partition_prio", "preempt/none", …
  bool send_user_signal = false;          ///< PreemptParameters: --signal is also sent at preemption
  bool requeue = true;                    ///< JobRequeue: jobs may be requeued unless they say otherwise
  std::int64_t kill_wait = 30;            ///< seconds between SIGTERM and SIGKILL
  std::int64_t max_array_size = 1001;     ///< 0: no job arrays
  std::vector<std::string> mpi_types;     ///< of srun --mpi=list: "pmix", "pmi2", …
  bool accounting = false;                ///< sacctmgr and sshare answer
  std::optional<bool> submit_from_nodes;  ///< whether compute nodes may call sbatch; nothing = not known
  std::string mpirun_version;             ///< "Open MPI 4.1.4"; "" without mpirun
  bool mpirun_has_slurm = false;          ///< mpirun starts its daemons through Slurm, not ssh
  std::vector<Partition> partitions;

  // Needs, written by a person (or left empty): they go into the batch script as they are.
  std::vector<std::string> modules;  ///< "module load" lines
  std::string container;             ///< prefix before trireme on the ranks: "apptainer exec --nv trireme.sif"
  std::string account;
  std::string gpu_request;  ///< "--gpus-per-node={gpus}", "--gres=gpu:a100:{gpus}", …; default the first
  std::vector<std::string> launcher_arguments;  ///< words after mpirun or srun
  std::vector<std::string> prolog;              ///< lines of shell before the launcher
  bool node_directories_persist = false;        ///< node-local directories outlive a job

  /// Nothing when there is none of that name; "" asks for the default partition (the first when none is).
  const Partition* partition(const std::string& name) const;
};

}  // namespace trireme::slurm
