#include "slurm/devcluster/node_spaces.hpp"

#include <sys/mount.h>

#include <cstdlib>
#include <fstream>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::devcluster {
namespace {

using base::str;

std::string bridge_name(int network) { return str("trireme", network); }
std::string wire_name(const Plan& plan, int node) { return str("tri", plan.network, "n", node); }

void pin_space(const char* kind, const std::filesystem::path& pin, const std::vector<std::string>& command) {
  std::ofstream(pin).close();
  std::vector<std::string> words = {"unshare", str("--", kind, "=", pin.string())};
  words.insert(words.end(), command.begin(), command.end());
  run_checked(words);
}

void in_net(const Plan& plan, int node, std::vector<std::string> words) {
  words.insert(words.begin(), {"nsenter", "--net=" + net_pin(plan, node).string()});
  run_checked(words);
}

// A cluster that was killed between writing its plan and making its bridge has a number that another may have taken
// since.
bool is_of_another(const Plan& plan) {
  constexpr std::string_view kAlias = "alias ";
  const auto shown = slurm::run_command({"ip", "link", "show", bridge_name(plan.network)});
  const std::size_t at = shown ? shown->output.find(kAlias) : std::string::npos;
  if (at == std::string::npos) return false;
  const std::string alias = shown->output.substr(at + kAlias.size());
  return alias.substr(0, alias.find_first_of(" \n")) != plan.directory.string();
}

void change_link(const Plan& plan, int a, int b, const char* change) {
  if (!plan.links) {
    throw base::InputError("the cluster has no links of its own to cut; start it with: trireme devcluster up --links");
  }
  if (a == b) throw base::InputError("a link is between two different nodes");
  in_net(plan, a, {"ip", "route", change, "blackhole", plan.address(b) + "/32"});
  in_net(plan, b, {"ip", "route", change, "blackhole", plan.address(a) + "/32"});
}

}  // namespace

void run_checked(const std::vector<std::string>& words) {
  constexpr double kLimit = 600;  // seconds; making a database on a busy machine takes long
  const auto result = slurm::run_command_within(kLimit, words);
  if (!result) throw base::Error(str("there is no program ", words[0]));
  if (result->exit_code == 0) return;
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + word;
  std::string reason = result->error.substr(0, result->error.find('\n'));
  throw base::Error(str(command, ": ", reason.empty() ? str("exit code ", result->exit_code) : reason));
}

std::filesystem::path uts_pin(const Plan& plan, int node) { return plan.directory / "ns" / (node_name(node) + ".uts"); }
std::filesystem::path net_pin(const Plan& plan, int node) { return plan.directory / "ns" / (node_name(node) + ".net"); }

int free_network() {
  for (int network = 0; network < 256; ++network) {
    const auto found = slurm::run_command({"ip", "link", "show", bridge_name(network)});
    if (!found) throw base::InputError("devcluster --links needs the program ip (Debian: iproute2)");
    if (found->exit_code != 0) return network;
  }
  throw base::Error("all 256 networks of devcluster are in use on this machine");
}

void make_bridge(const Plan& plan) {
  const std::string bridge = bridge_name(plan.network);
  run_checked({"ip", "link", "add", bridge, "type", "bridge"});
  run_checked({"ip", "link", "set", bridge, "alias", plan.directory.string(), "up"});
  run_checked({"ip", "address", "add", plan.controller_address() + "/24", "dev", bridge});
}

void make_spaces(const Plan& plan, int node) {
  pin_space("uts", uts_pin(plan, node), {"hostname", node_name(node)});
  if (!plan.links) return;
  pin_space("net", net_pin(plan, node), {"ip", "link", "set", "lo", "up"});
  const std::string wire = wire_name(plan, node);
  run_checked(
      {"ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", net_pin(plan, node).string()});
  run_checked({"ip", "link", "set", wire, "master", bridge_name(plan.network), "up"});
  in_net(plan, node, {"ip", "address", "add", plan.address(node) + "/24", "dev", "eth0"});
  in_net(plan, node, {"ip", "link", "set", "eth0", "up"});
}

void remove_spaces(const Plan& plan) {
  const bool links = plan.links && !is_of_another(plan);
  for (int node = 1; node <= plan.nodes; ++node) {
    for (const auto& pin : {uts_pin(plan, node), net_pin(plan, node)}) ::umount2(pin.c_str(), MNT_DETACH);
    if (links) slurm::run_command({"ip", "link", "delete", wire_name(plan, node)});
  }
  if (links) slurm::run_command({"ip", "link", "delete", bridge_name(plan.network)});
}

void remove_job_files(const Plan& plan) {
  const char* temporary = std::getenv("TMPDIR");
  base::PosixFileSystem files;
  for (const std::filesystem::path place : {"/tmp", temporary == nullptr ? "/tmp" : temporary}) {
    if (!files.is_directory(place)) continue;
    for (const std::string& name : files.list(place)) {
      const bool ours = name.starts_with("trireme-") && name.find("-" + plan.cluster_name() + "-") != std::string::npos;
      if (ours) files.remove_all(place / name);
    }
  }
}

std::vector<std::string> on_node(const Plan& plan, int node, const std::vector<std::string>& words) {
  std::vector<std::string> all = {"nsenter", "--uts=" + uts_pin(plan, node).string()};
  if (plan.links) all.push_back("--net=" + net_pin(plan, node).string());
  // Mounts the node's own /etc/hosts, mpi.conf and shared memory, which nobody else sees. Open MPI names its segments
  // by host and Slurm job, so nodes of two clusters would otherwise take each other's.
  const std::filesystem::path etc = plan.directory / "etc";
  constexpr const char* kMounts =
      "mount --bind \"$0\" /etc/hosts && mount --bind \"$1\" \"$2\" && mount -t tmpfs trireme /dev/shm && shift 2 && "
      "exec \"$@\"";
  all.insert(all.end(), {"unshare", "--mount", "sh", "-c", kMounts, (etc / "hosts").string(),
                         (etc / ("mpi." + node_name(node))).string(), (etc / "mpi.conf").string()});
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

void cut_link(const Plan& plan, int a, int b) { change_link(plan, a, b, "replace"); }
void restore_link(const Plan& plan, int a, int b) { change_link(plan, a, b, "delete"); }

}  // namespace trireme::devcluster
