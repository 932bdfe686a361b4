#include "slurm/devcluster/plan.hpp"

#include <cstdio>

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::devcluster {

using base::str;

std::string node_name(int node) { return str("n", node); }

int node_number(const Plan& plan, const std::string& name) {
  for (int node = 1; node <= plan.nodes; ++node) {
    if (node_name(node) == name) return node;
  }
  throw base::InputError(str("the cluster has no node ", name, "; its nodes are n1 to ", node_name(plan.nodes)));
}

std::string Plan::address(int node) const { return links ? str("10.99.", network, ".", 10 + node) : "127.0.0.1"; }
std::string Plan::controller_address() const { return links ? str("10.99.", network, ".1") : "127.0.0.1"; }

std::string Plan::cluster_name() const { return str("devcluster", controller_port); }

std::string slurm_conf(const Plan& plan) {
  const std::string dir = plan.directory.string();
  const bool preempts = plan.preempt_mode != "off";
  const std::string mode = plan.preempt_mode == "cancel" ? "CANCEL" : preempts ? "REQUEUE" : "OFF";
  std::string text = str(
      "# Written by trireme devcluster up: a cluster of ", plan.nodes, " nodes on one machine.\n",
      "# Two clusters of one machine have different names: a run directory tells them apart by these.\n",
      "ClusterName=", plan.cluster_name(), "\n", "SlurmctldHost=localhost(", plan.controller_address(), ")\n",
      "SlurmctldPort=", plan.controller_port, "\n", "SlurmUser=root\nSlurmdUser=root\n",
      "AuthType=auth/munge\nCredType=cred/munge\n",
      "# Five seconds: a requeued job is eligible again after about ten instead of two minutes.\n",
      "AuthInfo=socket=", plan.munge_socket().string(), ",cred_expire=5\n", "StateSaveLocation=", dir, "/state\n",
      "SlurmdSpoolDir=", dir, "/spool/%n\n", "SlurmctldPidFile=", dir, "/run/slurmctld.pid\n", "SlurmdPidFile=", dir,
      "/run/slurmd.%n.pid\n", "SlurmctldLogFile=", dir, "/log/slurmctld.log\n", "SlurmdLogFile=", dir,
      "/log/slurmd.%n.log\n", "# Processes are found by their parents; there are no control groups.\n",
      "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\nMpiDefault=none\n",
      "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nSlurmdParameters=config_overrides\n",
      "SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1\n",
      "ReturnToService=2\nSlurmdTimeout=10\nInactiveLimit=0\nMinJobAge=600\n", "KillWait=", plan.kill_wait, "\n",
      "JobRequeue=", plan.requeue ? 1 : 0, "\n", "TaskProlog=", dir, "/etc/task_prolog\n",
      "PreemptType=", preempts ? "preempt/partition_prio" : "preempt/none", "\n", "PreemptMode=", mode, "\n");
  if (plan.send_user_signal) {
    text += plan.slurm_release >= 2302 ? "PreemptParameters=send_user_signal\n"
                                       : "SlurmctldParameters=preempt_send_user_signal\n";
  }
  if (plan.gpus_per_node > 0) text += "GresTypes=gpu\n";
  if (plan.accounting) {
    text += str("AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=localhost\n",
                "AccountingStoragePort=", plan.accounting_port,
                "\nAccountingStoragePass=", plan.munge_socket().string(), "\nJobAcctGatherType=jobacct_gather/none\n",
                "PriorityType=priority/multifactor\nPriorityWeightFairshare=10000\nPriorityCalcPeriod=1\n");
  }
  const std::string gres = plan.gpus_per_node > 0 ? str(" Gres=gpu:", plan.gpus_per_node) : "";
  for (int node = 1; node <= plan.nodes; ++node) {
    text += str("NodeName=", node_name(node), " NodeAddr=", plan.address(node),
                " Port=", plan.node_ports[static_cast<std::size_t>(node - 1)], " CPUs=", plan.cpus_per_node,
                " RealMemory=", plan.memory_per_node, gres, " State=UNKNOWN\n");
  }
  const std::string limit = plan.max_minutes > 0 ? str(" MaxTime=", plan.max_minutes) : " MaxTime=UNLIMITED";
  // Slurm bills GPUs only when it has a database.
  const bool gpus_billed = plan.gpus_per_node > 0 && plan.accounting;
  if (gpus_billed) text += "AccountingStorageTRES=gres/gpu\n";
  const std::string weights = str(" TRESBillingWeights=CPU=1.0", gpus_billed ? ",GRES/gpu=10.0" : "");
  text += str("PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=", mode, " GraceTime=", plan.grace,
              limit, weights, "\n");
  text += str("PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF", limit, weights, "\n");
  return text;
}

std::string mpi_conf(const Plan& plan, int node) {
  return str("PMIxCliTmpDirBase=", plan.directory.string(), "/tmp/", node_name(node), "\n");
}

int release_of(const std::string& version) {
  const std::size_t digit = version.find_first_of("0123456789");
  int major = 0, minor = 0;
  if (digit == std::string::npos || std::sscanf(version.c_str() + digit, "%d.%d", &major, &minor) != 2) {
    throw base::Error(str("cannot tell the version of Slurm from '", version, "'"));
  }
  return 100 * major + minor;
}

std::string gres_conf(const Plan& plan) {
  std::string text = "# Device files that stand for GPUs.\n";
  if (plan.gpus_per_node == 0) return text;
  const std::string range = plan.gpus_per_node == 1 ? "0" : str("[0-", plan.gpus_per_node - 1, "]");
  return str(text, "NodeName=n[1-", plan.nodes, "] Name=gpu File=", plan.directory.string(), "/dev/gpu", range, "\n");
}

std::string slurmdbd_conf(const Plan& plan) {
  const std::string dir = plan.directory.string();
  return str("# Written by trireme devcluster up.\n", "DbdHost=localhost\nDbdPort=", plan.accounting_port, "\n",
             "SlurmUser=root\nAuthType=auth/munge\nAuthInfo=socket=", plan.munge_socket().string(), "\n",
             "LogFile=", dir, "/log/slurmdbd.log\nPidFile=", dir, "/run/slurmdbd.pid\n",
             "StorageType=accounting_storage/mysql\nStorageHost=localhost\nStorageLoc=devcluster\nStorageUser=root\n");
}

std::string task_prolog(const Plan& plan) {
  std::string text = "#!/bin/sh\n";
  for (const char* line :
       {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_hwloc_base_binding_policy=none",
        "OMPI_MCA_mpi_yield_when_idle=1", "OMP_NUM_THREADS=1"}) {
    text += str("echo export ", line, "\n");
  }
  const std::string network = plan.links ? str("10.99.", plan.network, ".0/24") : "lo";
  return str(text, "echo export OMPI_MCA_btl_tcp_if_include=", network,
             "\necho export OMPI_MCA_oob_tcp_if_include=", network, "\n");
}

std::string hosts_file(const Plan& plan, const std::string& hosts) {
  std::string text = hosts;
  if (!text.empty() && text.back() != '\n') text += '\n';
  for (int node = 1; node <= plan.nodes; ++node) text += str(plan.address(node), " ", node_name(node), "\n");
  return text;
}

std::string to_json(const Plan& plan) {
  return base::to_line({{"directory", plan.directory.string()},
                        {"nodes", plan.nodes},
                        {"cpus_per_node", plan.cpus_per_node},
                        {"memory_per_node", plan.memory_per_node},
                        {"gpus_per_node", plan.gpus_per_node},
                        {"preempt_mode", plan.preempt_mode},
                        {"grace", plan.grace},
                        {"send_user_signal", plan.send_user_signal},
                        {"kill_wait", plan.kill_wait},
                        {"requeue", plan.requeue},
                        {"max_minutes", plan.max_minutes},
                        {"accounting", plan.accounting},
                        {"links", plan.links},
                        {"slurm_release", plan.slurm_release},
                        {"controller_port", plan.controller_port},
                        {"accounting_port", plan.accounting_port},
                        {"node_ports", plan.node_ports},
                        {"network", plan.network}}) +
         '\n';
}

Plan plan_from_json(const std::string& text) {
  const base::Json json = base::Json::parse(text, nullptr, false);
  try {
    Plan plan;
    plan.directory = json.at("directory").get<std::string>();
    plan.nodes = json.at("nodes");
    plan.cpus_per_node = json.at("cpus_per_node");
    plan.memory_per_node = json.at("memory_per_node");
    plan.gpus_per_node = json.at("gpus_per_node");
    plan.preempt_mode = json.at("preempt_mode");
    plan.grace = json.at("grace");
    plan.send_user_signal = json.at("send_user_signal");
    plan.kill_wait = json.at("kill_wait");
    plan.requeue = json.at("requeue");
    plan.max_minutes = json.at("max_minutes");
    plan.accounting = json.at("accounting");
    plan.links = json.at("links");
    plan.slurm_release = json.at("slurm_release");
    plan.controller_port = json.at("controller_port");
    plan.accounting_port = json.at("accounting_port");
    plan.node_ports = json.at("node_ports").get<std::vector<int>>();
    plan.network = json.at("network");
    if (plan.node_ports.size() != static_cast<std::size_t>(plan.nodes)) throw base::Error("ports");
    return plan;
  } catch (const std::exception&) {
    throw base::Error("cluster.json is not one that devcluster up wrote");
  }
}

}  // namespace trireme::devcluster
