// A site: the facts of one Slurm cluster that decide how a job is asked for and what happens to it. Plain values.
// read_site (site_facts.hpp) reads them from Slurm's answers, and a site file (INI) keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace trireme::slurm {

/// What happens to a preempted job (PreemptMode; slurm.conf(5)).
enum class PreemptMode { kOff, kRequeue, kCancel, kSuspend };

/// Nodes of a partition that are alike.
struct NodeKind {
  std::int64_t nodes = 0;
  std::int64_t cpus = 0;
  std::int64_t memory = 0;  ///< MiB
  std::int64_t gpus = 0;
  std::string gpu_type;  ///< "" when untyped, or of several types

  bool operator==(const NodeKind&) const = default;
};

struct Partition {
  std::string name;
  std::string state = "up";  ///< "up", "down", "drain", "inactive"
  bool is_default = false;
  std::optional<std::int64_t> time_limit;           ///< seconds; nothing = unlimited
  std::optional<std::int64_t> default_time;         ///< seconds, of jobs that ask for none; nothing = the time limit
  std::optional<std::int64_t> over_time_limit = 0;  ///< seconds past the limit before the kill; nothing = never killed
  std::int64_t nodes = 0;
  std::int64_t min_nodes = 0;             ///< of one job
  std::optional<std::int64_t> max_nodes;  ///< of one job; nothing = no limit
  std::int64_t cpus_per_node = 0;         ///< of the smallest node; 0 = not known
  std::int64_t memory_per_node = 0;       ///< MiB, of the smallest node; 0 = not known
  std::int64_t gpus_per_node = 0;         ///< of the smallest node that has any; 0 = none has
  std::string gpu_type;                   ///< "a100"; "" when untyped or when its nodes have different types
  std::vector<NodeKind> node_kinds;       ///< the most frequent kind first
  bool exclusive = false;                 ///< jobs get, and pay for, whole nodes
  std::optional<std::int64_t> default_memory_per_cpu;   ///< MiB, of jobs that ask for none; nothing = not set
  std::optional<std::int64_t> default_memory_per_node;  ///< MiB; at most one of the two is set
  std::optional<std::int64_t> max_memory_per_cpu;       ///< MiB; nothing = no limit
  std::optional<std::int64_t> max_memory_per_node;      ///< MiB; nothing = no limit
  std::vector<std::string> allow_accounts;              ///< empty = all
  std::vector<std::string> allow_qos;                   ///< empty = all
  std::int64_t priority_tier = 1;                       ///< jobs of a higher tier preempt those of a lower one
  std::vector<std::string> preempted_by;  ///< partitions whose jobs can preempt: higher tier, some node in common
  /// What happens to its jobs when they are preempted; kOff when its partition lets none be. Where QOS decides
  /// (preempt/qos) it is always kOff: ask preemption_of() (preemption.hpp).
  PreemptMode preempt_mode = PreemptMode::kOff;
  std::int64_t grace = 0;  ///< seconds between notice and kill
  std::map<std::string, double>
      billing_weights;  ///< TRESBillingWeights: "cpu" -> 1.0, "gres/gpu" -> 10.0, per unit ("mem" per MiB)
};

/// A quality of service (sacctmgr(1)).
struct Qos {
  std::string name;
  std::vector<std::string> preempted_by;         ///< QOS whose jobs can preempt, under preempt/qos
  PreemptMode preempt_mode = PreemptMode::kOff;  ///< what happens to its jobs then; kOff when nobody can
  std::int64_t grace = 0;                        ///< seconds between notice and kill
  std::optional<std::int64_t> time_limit;        ///< seconds; nothing = the partition's
  std::int64_t priority = 0;  ///< of its jobs; among those that are to wait the lower ones wait longer
};

struct Site {
  // Facts, as Slurm told them.
  std::string cluster;
  std::string slurm_version;             ///< "22.05.8"
  std::string preempt_type;              ///< "preempt/partition_prio", "preempt/none", …
  bool send_user_signal = false;         ///< --signal is also sent at preemption, instead of SIGTERM
  bool requeue = true;                   ///< JobRequeue: jobs may be requeued unless they say otherwise
  std::int64_t kill_wait = 30;           ///< seconds between SIGTERM and SIGKILL
  std::int64_t preempt_exempt_time = 0;  ///< seconds that a job runs before it can be preempted
  std::int64_t node_timeout = 300;       ///< seconds without an answer after which a node counts as dead
  std::int64_t max_array_size = 1001;    ///< 0: no job arrays
  std::vector<std::string> mpi_types;    ///< what srun --mpi=list offers: "pmix", "pmi2", …
  std::string mpi_default;               ///< what srun uses without --mpi
  bool accounting = false;               ///< sacctmgr and sshare answer
  bool billing_takes_largest = false;  ///< PriorityFlags MAX_TRES: a node is billed by its most expensive resource only
  std::optional<bool> submit_from_nodes;  ///< whether compute nodes may call sbatch; nothing = not known
  std::string mpirun_version;             ///< "Open MPI 4.1.4"; "" without mpirun
  bool mpirun_has_slurm = false;          ///< mpirun starts its daemons through Slurm, not ssh
  std::vector<Partition> partitions;
  std::vector<Qos> qos;  ///< empty without accounting
  /// Facts that could not be read: their name ("mpi_types") or subject ("nodes", "qos"), and why. Their fields keep the
  /// defaults above.
  std::map<std::string, std::string> unknown;

  // The needs, written by a person or left empty: they go into the batch script as they are.
  std::vector<std::string> modules;  ///< "module load" lines
  std::string container;             ///< prefix before trireme on the ranks: "apptainer exec --nv trireme.sif"
  std::string account;
  std::string gpu_request;  ///< "--gpus-per-node={gpus}", "--gres=gpu:a100:{gpus}", …; default the first
  std::vector<std::string> launcher_arguments;  ///< words after mpirun or srun
  std::vector<std::string> prolog;              ///< lines of shell before the launcher
  bool node_directories_persist = false;        ///< node-local directories outlive a job
  std::string team_tree;                        ///< the directory of the team's runs and datasets; "": none
  std::int64_t queue_seconds = 60;              ///< least number of seconds between two questions of a run to the queue

  /// The partition of that name, or nothing. "" asks for the default partition (the first when none is the default).
  const Partition* partition(const std::string& name) const;
  /// The QOS of that name, or nothing.
  const Qos* quality(const std::string& name) const;
};

}  // namespace trireme::slurm
