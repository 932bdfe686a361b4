#include "slurm/submit/geometry.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/error.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/submit/settings.hpp"

namespace trireme::slurm {
namespace {

using base::InputError;
using base::str;

std::int64_t gpus_of(const JobRequest& request, const Partition& partition) {
  if (request.gpus_per_node < 0) return partition.gpus_per_node;
  const bool known = partition.gpus_per_node > 0 || !partition.node_kinds.empty();
  if (known && request.gpus_per_node > partition.gpus_per_node) {
    throw InputError(str("slurm.gpus_per_node = ", request.gpus_per_node, ", but the nodes of partition ",
                         partition.name, " have ", partition.gpus_per_node));
  }
  return request.gpus_per_node;
}

std::int64_t ranks_of(const JobRequest& request, const Partition& partition, std::int64_t gpus) {
  if (gpus == 0 && request.ranks_per_node == 0) {
    throw InputError(str("partition ", partition.name, " has no GPUs (or slurm.gpus_per_node = 0): set ",
                         "slurm.ranks_per_node, 1 for each CPU socket is a good start"));
  }
  if (gpus > 0 && request.ranks_per_node > gpus) {
    throw InputError(str("slurm.ranks_per_node = ", request.ranks_per_node, " ranks would share ", gpus,
                         " GPUs; at most one rank a GPU"));
  }
  return request.ranks_per_node > 0 ? request.ranks_per_node : gpus;
}

// A job that asks for part of a node's GPUs gets the same part of its other resources.
std::int64_t share_of(const JobRequest& request, const Partition& partition, std::int64_t whole) {
  if (request.gpus_per_node <= 0 || partition.gpus_per_node <= 0) return whole;
  return whole * request.gpus_per_node / partition.gpus_per_node;
}

std::int64_t cpus_of(const JobRequest& request, const Partition& partition, std::int64_t ranks) {
  const std::int64_t all = partition.cpus_per_node;
  if (all > 0 && ranks * std::max<std::int64_t>(1, request.cpus_per_task) > all) {
    throw InputError(str("slurm.ranks_per_node = ", ranks,
                         " x slurm.cpus_per_task = ", std::max<std::int64_t>(1, request.cpus_per_task),
                         " is more than the ", all, " cores of a node in partition ", partition.name));
  }
  if (request.cpus_per_task > 0) return request.cpus_per_task;
  return all > 0 ? std::max<std::int64_t>(1, share_of(request, partition, all) / ranks) : 1;
}

std::int64_t seconds_of(const JobRequest& request, const Partition& partition) {
  constexpr std::int64_t kDay = 86400;
  if (request.time.empty()) return std::min(partition.time_limit.value_or(kDay), kDay);
  const auto seconds = parse_duration(request.time);
  if (!seconds || *seconds == 0) {
    throw InputError(str("slurm.time = ", request.time, " is no duration; write hours:minutes:seconds or ",
                         "days-hours:minutes:seconds"));
  }
  if (partition.time_limit && *seconds > *partition.time_limit) {
    throw InputError(str("slurm.time = ", request.time, " is longer than partition ", partition.name, " allows (",
                         format_slurm_duration(*partition.time_limit),
                         "); a run goes on over several jobs: shorten it"));
  }
  return *seconds;
}

void check_memory(const std::string& mem) {
  std::size_t digits = 0;
  while (digits < mem.size() && std::isdigit(static_cast<unsigned char>(mem[digits])) != 0) ++digits;
  const std::string unit = mem.substr(digits);
  const bool good =
      digits > 0 && (unit.empty() || (unit.size() == 1 && std::string("KMGTkmgt").find(unit) != std::string::npos));
  if (!good) throw InputError(str("slurm.mem = ", mem, " is no amount of memory; write 64G, or 0 for all of a node"));
}

bool has_whole_nodes(const JobRequest& request, const Partition& partition, const Geometry& geometry) {
  if (partition.exclusive || geometry.min_nodes < geometry.nodes) return true;
  const auto extra = extra_words(request.extra);
  return std::ranges::count(extra, "--exclusive") != 0;  // --exclusive=user would let other jobs of the user in
}

std::string memory_for(const JobRequest& request, const Partition& partition, const Geometry& geometry) {
  if (has_whole_nodes(request, partition, geometry)) return "0";
  const std::int64_t cpus = geometry.ranks_per_node * geometry.cpus_per_task;
  if (partition.memory_per_node == 0 || partition.cpus_per_node == 0) return "";
  if (cpus >= partition.cpus_per_node) return "0";  // no other job fits beside it
  std::int64_t share = partition.memory_per_node * cpus / partition.cpus_per_node;
  // For more memory than that per CPU Slurm would count further CPUs, or refuse the job.
  if (partition.max_memory_per_cpu) share = std::min(share, *partition.max_memory_per_cpu * cpus);
  if (partition.max_memory_per_node) share = std::min(share, *partition.max_memory_per_node);
  return str(std::max<std::int64_t>(1, share), 'M');
}

// The MiB per node that the job asks for, for billing.
double memory_of(const Geometry& geometry, const Partition& partition) {
  if (geometry.mem.empty()) {
    const auto cpus = geometry.ranks_per_node * geometry.cpus_per_task;
    return static_cast<double>(partition.default_memory_per_cpu
                                   ? *partition.default_memory_per_cpu * cpus
                                   : partition.default_memory_per_node.value_or(partition.memory_per_node));
  }
  const double number = std::strtod(geometry.mem.c_str(), nullptr);
  if (number == 0) return static_cast<double>(partition.memory_per_node);
  switch (std::toupper(static_cast<unsigned char>(geometry.mem.back()))) {
    case 'K': return number / 1024;
    case 'G': return number * 1024;
    case 'T': return number * 1024 * 1024;
    default: return number;
  }
}

}  // namespace

const Partition& requested_partition(const JobRequest& request, const Site& site) {
  const Partition* partition = site.partition(request.partition);
  if (partition != nullptr) return *partition;
  std::string names;
  for (const Partition& one : site.partitions) names += (names.empty() ? "" : ", ") + one.name;
  throw InputError(names.empty() ? std::string("the site has no partitions")
                                 : str("slurm.partition = ", request.partition, ": the site has ", names));
}

Geometry plan_geometry(const JobRequest& request, const Site& site) {
  const Partition& partition = requested_partition(request, site);
  Geometry geometry;
  geometry.nodes = request.nodes;
  if (request.min_nodes > request.nodes) {
    throw InputError(str("slurm.min_nodes = ", request.min_nodes, " is more than slurm.nodes = ", request.nodes));
  }
  geometry.min_nodes = request.min_nodes > 0 ? request.min_nodes : request.nodes;
  const std::int64_t most = std::min(partition.max_nodes.value_or(partition.nodes), partition.nodes);
  if (partition.nodes > 0 && request.nodes > most) {
    throw InputError(
        str("slurm.nodes = ", request.nodes, ", but a job in partition ", partition.name, " gets at most ", most));
  }
  geometry.gpus_per_node = gpus_of(request, partition);
  geometry.ranks_per_node = ranks_of(request, partition, geometry.gpus_per_node);
  geometry.cpus_per_task = cpus_of(request, partition, geometry.ranks_per_node);
  if (!request.mem.empty()) check_memory(request.mem);
  geometry.mem = request.mem.empty() ? memory_for(request, partition, geometry) : request.mem;
  geometry.seconds = seconds_of(request, partition);
  return geometry;
}

std::optional<double> billing_per_hour(const Geometry& geometry, const Partition& partition, bool takes_largest) {
  if (partition.billing_weights.empty()) return std::nullopt;
  const auto weight = [&](const std::string& name) {
    const auto found = partition.billing_weights.find(name);
    return found == partition.billing_weights.end() ? 0.0 : found->second;
  };
  const auto nodes = static_cast<double>(geometry.nodes);
  const double cpus = partition.exclusive && partition.cpus_per_node > 0
                          ? static_cast<double>(partition.cpus_per_node)
                          : static_cast<double>(geometry.ranks_per_node * geometry.cpus_per_task);
  double sum = 0, largest = 0;
  for (const double part : {weight("cpu") * cpus, weight("mem") * memory_of(geometry, partition),
                            weight("gres/gpu") * static_cast<double>(geometry.gpus_per_node), weight("node")}) {
    sum += part;
    largest = std::max(largest, part);
  }
  return nodes * (takes_largest ? largest : sum);
}

}  // namespace trireme::slurm
