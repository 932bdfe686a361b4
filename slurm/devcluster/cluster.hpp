// A running cluster: starting it, looking at it, breaking it, ending it. Everything it consists of is written down in
// its directory before it can be lost: cluster.json (the plan) and processes (a line for each daemon).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "slurm/devcluster/plan.hpp"
#include "slurm/devcluster/processes.hpp"

namespace trireme::devcluster {

/// Starts the daemons and waits until all nodes are idle. Fills in ports and network. Cleans up first what a cluster
/// that died left in the directory. Whatever fails, or when `interrupted` says so: nothing is left, base::Error or
/// base::Stopped. base::InputError: one is up there already; the directory holds something else; no rights; programs
/// are missing (naming Debian's packages).
Plan up(Plan plan, const std::function<bool()>& interrupted);

/// Ends everything that up() started and all jobs, and removes the directory. False when there is no cluster.
bool down(const std::filesystem::path& directory);

/// The plan of the cluster in the directory; base::InputError when there is none.
Plan read_plan(const std::filesystem::path& directory);

/// The daemons and whether they are alive.
struct Daemon {
  std::string role;
  bool alive = false;
};
std::vector<Daemon> daemons(const std::filesystem::path& directory);

/// SIGKILL to the node's daemon and to everything that runs on the node, as a power cut would. Returns how many
/// processes that were.
int kill_node(const Plan& plan, int node);
/// Starts the node's daemon again; base::InputError when it is alive.
void start_node(const Plan& plan, int node);

}  // namespace trireme::devcluster
