// A running cluster: starts, inspects, breaks and ends it. Everything that belongs to it is recorded in its directory
// before it can be lost: cluster.json (the plan) and processes (a line for each daemon).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "slurm/devcluster/plan.hpp"
#include "slurm/devcluster/processes.hpp"

namespace trireme::devcluster {

/// Starts the daemons, waits until all nodes are idle, and returns the plan with ports and network filled in. First
/// removes what a dead cluster left in the directory. After a failure, or when `interrupted` returns true, nothing is
/// left; throws base::Error or base::Stopped. Throws base::InputError when a cluster is up there already, the directory
/// holds something else, rights are missing, or programs are missing (naming Debian's packages).
Plan up(Plan plan, const std::function<bool()>& interrupted);

/// Ends everything that up() started, and all jobs, and removes the directory. Returns false when there is no cluster.
bool down(const std::filesystem::path& directory);

/// Reads the plan of the cluster in the directory. Throws base::InputError when there is none.
Plan read_plan(const std::filesystem::path& directory);

/// A daemon, and whether it is alive.
struct Daemon {
  std::string role;
  bool alive = false;
};
std::vector<Daemon> daemons(const std::filesystem::path& directory);

/// Sends SIGKILL to the node's daemon and to everything that runs on the node, as a power cut would end them. Returns
/// the number of processes.
int kill_node(const Plan& plan, int node);
/// Starts the node's daemon again. Throws base::InputError when it is alive.
void start_node(const Plan& plan, int node);

}  // namespace trireme::devcluster
