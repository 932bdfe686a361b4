// What makes a process of this machine a node: namespaces of its own (host name, mounts, with links also the network).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "slurm/devcluster/plan.hpp"

namespace trireme::devcluster {

/// Runs a command of the system; base::Error with its words when it fails.
void run_checked(const std::vector<std::string>& words);

/// Files that keep the node's namespaces alive, by bind mounts: <directory>/ns/<node>.uts and .net.
std::filesystem::path uts_pin(const Plan& plan, int node);
std::filesystem::path net_pin(const Plan& plan, int node);

/// The first network for which this machine has no bridge. base::InputError without the program ip.
int free_network();
/// With links: the bridge of plan.network that the nodes hang on, with the controller's address and the cluster's
/// directory as its alias, by which remove_spaces knows it.
void make_bridge(const Plan& plan);
/// The node's host name and, with links, its wire to the bridge.
void make_spaces(const Plan& plan, int node);
/// Unmounts the pins and removes the bridge unless it is another cluster's; what is not there is fine.
void remove_spaces(const Plan& plan);
/// Removes what the cluster's jobs had below /tmp and TMPDIR for MPI ("trireme-<uid>-<cluster>-<job>.<attempt>"): jobs
/// that were ended with their cluster could not.
void remove_job_files(const Plan& plan);

/// Words that run a command as a process of the node.
std::vector<std::string> on_node(const Plan& plan, int node, const std::vector<std::string>& words);

/// Packets between the two nodes are dropped, both ways; everything else goes on. base::InputError without links.
void cut_link(const Plan& plan, int a, int b);
void restore_link(const Plan& plan, int a, int b);

}  // namespace trireme::devcluster
