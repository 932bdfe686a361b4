// Makes a process of this machine a node: gives it namespaces of its own (host name, mounts; with links also the
// network).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "slurm/devcluster/plan.hpp"

namespace trireme::devcluster {

/// Runs a command of the system. Throws base::Error with its output when it fails.
void run_checked(const std::vector<std::string>& words);

/// The files that keep the node's namespaces alive, as bind mounts: <directory>/ns/<node>.uts and .net.
std::filesystem::path uts_pin(const Plan& plan, int node);
std::filesystem::path net_pin(const Plan& plan, int node);

/// The first network number for which this machine has no bridge. Throws base::InputError without the program ip.
int free_network();
/// Makes plan.network's bridge, which connects the nodes when there are links. It has the controller's address, and the
/// cluster's directory as its alias, by which remove_spaces() recognises it.
void make_bridge(const Plan& plan);
/// Makes the node's host name and, with links, its connection to the bridge.
void make_spaces(const Plan& plan, int node);
/// Unmounts the pins and removes the bridge unless it belongs to another cluster. Whatever does not exist is skipped.
void remove_spaces(const Plan& plan);
/// Removes what the cluster's jobs left for MPI below /tmp and TMPDIR ("trireme-<uid>-<cluster>-<job>.<attempt>"): jobs
/// that ended together with their cluster could not do it.
void remove_job_files(const Plan& plan);

/// The words that run a command as a process of the node.
std::vector<std::string> on_node(const Plan& plan, int node, const std::vector<std::string>& words);

/// Makes the kernel drop packets between the two nodes, both ways; everything else goes on. Throws base::InputError
/// without links.
void cut_link(const Plan& plan, int a, int b);
void restore_link(const Plan& plan, int a, int b);

}  // namespace trireme::devcluster
