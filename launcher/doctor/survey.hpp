// All that `trireme doctor` finds out about the ranks of a job. Plain values: the other files of this folder gather
// them, judge() judges them and report() prints them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace trireme::doctor {

struct Gpu {
  std::string name;
  std::string uuid;
  std::uint64_t memory_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::string sickness;  ///< what the driver says is wrong with it (launcher/health/gpu_health.hpp); "" = nothing
  bool broken = false;   ///< more than lower clocks
};

/// Library name -> version, or file name -> identity of the loaded file.
using Versions = std::map<std::string, std::string>;

/// What one rank is and has.
struct Rank {
  int rank = 0;
  std::string host;
  std::optional<Gpu> gpu;
  std::string no_gpu;              ///< why there is none; "" when there is one or none is wanted
  bool gpu_unusable = false;       ///< a GPU is visible, yet this rank cannot compute on it
  std::vector<int> cpus;           ///< the CPUs in its mask
  double cpu_quota = 0;            ///< CPUs that its control group grants; 0: no quota
  std::uint64_t memory_bytes = 0;  ///< the smaller of the node's memory and the control group's limit
  Versions versions;               ///< versions of the libraries, by name
  Versions files;                  ///< every loaded shared object: name -> size and build id
};

/// How a rank sees the run directory.
struct DirectoryView {
  bool sees = false;        ///< whether it sees the file that rank 0 made, with its content
  bool writes = false;      ///< whether it could write a file of its own
  bool seen = false;        ///< whether rank 0 sees that file
  std::string file_system;  ///< "ext4", "nfs", …
  std::string error;        ///< the system's words; "" without an error
};

/// A node: the ranks with the same host name.
struct Node {
  std::string host;
  std::vector<int> ranks;
  double clock_seconds = 0;        ///< its clock minus rank 0's
  double clock_error_seconds = 0;  ///< half of the shortest round trip: the error of clock_seconds
  double write_rate = 0;           ///< bytes a second into the run directory; 0: not measured
  double read_rate = 0;
  std::string disk_error;  ///< what went wrong while measuring
};

enum class LinkKind { kWithinNode, kBetweenNodes };

/// The speed between two ranks that sent to each other at once; bytes a second each way.
struct Link {
  int first = 0;
  int second = 0;
  LinkKind kind = LinkKind::kWithinNode;
  double rate = 0;
};

struct AllReduce {
  std::uint64_t bytes = 0;
  double seconds = 0;  ///< 0: not measured
};

struct Survey {
  std::string directory;
  bool directory_was_there = true;
  std::string wanted_device = "auto";  ///< auto, cpu, cuda
  std::string transport = "MPI";       ///< what moved the data of links and all-reduce: MPI or NCCL
  std::string transport_error;         ///< why it is not NCCL although every rank has a GPU of its own
  std::vector<Rank> ranks;
  std::vector<DirectoryView> views;  ///< one per rank; empty when the directory was not looked at
  std::vector<Node> nodes;           ///< in the order of their first rank
  std::vector<Link> links;
  std::int64_t rounds_planned = 0;
  std::int64_t rounds_measured = 0;
  AllReduce all_reduce;
};

/// The forms in which these values are sent to rank 0.
base::Json to_json(const Rank& rank);
Rank rank_from_json(const base::Json& json);

/// The nodes of these ranks, without measurements.
std::vector<Node> nodes_of(const std::vector<Rank>& ranks);

}  // namespace trireme::doctor
