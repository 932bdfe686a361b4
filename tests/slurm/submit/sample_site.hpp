// A small cluster to submit to.
#pragma once

#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// Partition "gpu" (the default: 16 nodes of 8 GPUs, 64 cores, a day at most), preempted with REQUEUE and a grace of
/// 60 s, and "cpu" (4 nodes of 32 cores, no limit).
inline Site sample_site() {
  Site site;
  site.slurm_version = "22.05.8";
  site.preempt_type = "preempt/partition_prio";
  site.mpi_types = {"pmix", "pmi2"};
  site.mpirun_version = "Open MPI 4.1.4";
  site.mpirun_has_slurm = true;
  Partition gpu;
  gpu.name = "gpu";
  gpu.is_default = true;
  gpu.time_limit = 86400;
  gpu.nodes = 16;
  gpu.cpus_per_node = 64;
  gpu.memory_per_node = 512000;
  gpu.gpus_per_node = 8;
  gpu.preempted_by = {"urgent"};
  gpu.preempt_mode = PreemptMode::kRequeue;
  gpu.grace = 60;
  gpu.billing_weights = {{"cpu", 1.0}, {"gres/gpu", 10.0}};
  Partition cpu;
  cpu.name = "cpu";
  cpu.nodes = 4;
  cpu.cpus_per_node = 32;
  cpu.memory_per_node = 128000;
  site.partitions = {gpu, cpu};
  return site;
}

}  // namespace trireme::slurm
