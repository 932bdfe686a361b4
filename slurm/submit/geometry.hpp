// Computes what a run asks Slurm for, from the request in its [slurm] section and the partition's facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// The [slurm] section of a run file. 0 and "" stand for the default named beside the field.
struct JobRequest {
  std::int64_t nodes = 1;
  std::int64_t min_nodes = 0;       ///< fewest nodes that the job may start or come back with; 0: all of them
  std::int64_t gpus_per_node = -1;  ///< -1: all that a node of the partition has
  std::int64_t ranks_per_node = 0;  ///< 0: one for each GPU; to be given where there are none
  std::int64_t cpus_per_task = 0;   ///< 0: an equal share of the node's
  std::string mem;        ///< per node, as sbatch --mem takes it, 0: all; "": all of a node of its own, else a share
  std::string time;       ///< written as sbatch --time takes it; "": the partition's limit, at most a day
  std::string partition;  ///< "": the site's default
  std::string account;    ///< "": the site's or the user's default
  std::string qos;
  std::string constraint;
  std::string launcher = "auto";    ///< auto, mpirun, srun
  std::string gpu_request;          ///< "": the site's, else --gpus-per-node={gpus}
  std::string extra;                ///< further words for sbatch, separated by spaces
  std::int64_t queue_seconds = 60;  ///< seconds between two questions to the queue; at least the site's
  std::int64_t spare_seconds =
      180;  ///< between two looks of a spare job at the cluster; at least the site's queue_seconds
};

struct Geometry {
  std::int64_t nodes = 1;
  std::int64_t min_nodes = 1;
  std::int64_t ranks_per_node = 1;
  std::int64_t gpus_per_node = 0;
  std::int64_t cpus_per_task = 1;
  std::string mem = "0";         ///< "": what the site gives a job that asks for none
  std::int64_t seconds = 86400;  ///< time limit

  std::int64_t ranks() const { return nodes * ranks_per_node; }
};

/// Chooses what the request leaves open. Memory: all of the node where the job has it to itself (an exclusive
/// partition, --exclusive in the extra words, a job that may start with fewer nodes, or all CPUs of the node);
/// otherwise the share that its CPUs are of the node's, as far as the partition lets a job ask; the site's default
/// where the node's size is not known. Throws base::InputError naming the key: no such partition, more nodes, GPUs,
/// cores or time than it has or allows, a partition without GPUs and no slurm.ranks_per_node, a time that sbatch would
/// not accept.
Geometry plan_geometry(const JobRequest& request, const Site& site);

/// The partition that the request names. Throws base::InputError, which lists the existing ones.
const Partition& requested_partition(const JobRequest& request, const Site& site);

/// Billing units per hour of the job: TRESBillingWeights times what it gets. Nothing when the partition has no weights
/// (then Slurm bills one unit per core).
std::optional<double> billing_per_hour(const Geometry& geometry, const Partition& partition, bool takes_largest);

}  // namespace trireme::slurm
