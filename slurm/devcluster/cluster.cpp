#include "slurm/devcluster/cluster.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/free_ports.hpp"
#include "slurm/devcluster/accounting.hpp"
#include "slurm/devcluster/node_spaces.hpp"
#include "slurm/devcluster/roots_directory.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::devcluster {
namespace {

namespace fs = std::filesystem;
using base::str;

constexpr const char* kPlanName = "cluster.json";
constexpr const char* kProcessesName = "processes";

// A variable in the environment of everything that `up` starts. It identifies processes of an `up` that was killed
// before it could record them.
constexpr const char* kMark = "TRIREME_DEVCLUSTER";

std::vector<ProcessId> marked_processes(const fs::path& directory) {
  return processes_with(str(kMark, "=", directory.string()));
}

// Only one cluster of this machine starts at a time: until its daemons listen, their ports look free to another.
class StartLock {
 public:
  StartLock() : descriptor_(::open("/run/trireme-devcluster.lock", O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
  }
  StartLock(const StartLock&) = delete;
  StartLock& operator=(const StartLock&) = delete;
  ~StartLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  int descriptor_;
};

void write(const fs::path& file, const std::string& text, mode_t mode) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  ::chmod(file.c_str(), mode);
  stream << text;
  if (!stream.flush()) throw base::Error(str("cannot write ", file.string(), ": ", std::strerror(errno)));
}

std::string random_bytes(std::size_t count) {
  std::random_device device;
  std::string bytes;
  while (bytes.size() < count) bytes += static_cast<char>(device());
  return bytes;
}

void check_rights() {
  if (::geteuid() != 0) {
    throw base::InputError(
        "this is for root: devcluster starts and ends daemons in namespaces of their own; call it with sudo. Once a "
        "cluster is up, anybody submits jobs to it (trireme devcluster run, submit, status, preempt)");
  }
}

void check_programs(const Plan& plan) {
  std::vector<std::pair<const char*, const char*>> wanted = {{"slurmctld", "slurmctld"}, {"slurmd", "slurmd"},
                                                             {"sbatch", "slurm-client"}, {"munged", "munge"},
                                                             {"unshare", "util-linux"},  {"nsenter", "util-linux"}};
  if (plan.links) wanted.push_back({"ip", "iproute2"});
  if (plan.accounting) wanted.insert(wanted.end(), {{"slurmdbd", "slurmdbd"}, {"mariadbd", "mariadb-server"}});
  std::string programs, packages;
  for (const auto& [program, package] : wanted) {
    if (slurm::run_command({"sh", "-c", str("command -v ", program)})->exit_code == 0) continue;
    programs += (programs.empty() ? "" : ", ") + std::string(program);
    if (packages.find(package) == std::string::npos) packages += ' ' + std::string(package);
  }
  if (programs.empty()) return;
  throw base::InputError(str("devcluster needs ", programs, ": apt-get install --no-install-recommends", packages));
}

void record(const Plan& plan, const std::string& role, const ProcessId& process) {
  std::ofstream(plan.directory / kProcessesName, std::ios::app) << to_line({role, process}) << std::flush;
}

std::vector<Record> records(const fs::path& directory) {
  base::PosixFileSystem files;
  const fs::path file = directory / kProcessesName;
  return files.exists(file) ? records_from(files.read_all(file)) : std::vector<Record>{};
}

bool any_alive(const fs::path& directory) {
  const auto all = records(directory);
  return std::any_of(all.begin(), all.end(), [](const Record& one) { return is_alive(one.process); });
}

// Claims an empty directory. What a dead cluster left in it is removed; anything else stays and is an error.
void claim_directory(const fs::path& directory) {
  require_roots_directory(directory, sudo_user());
  if (fs::exists(directory / kPlanName)) {
    if (any_alive(directory)) {
      throw base::InputError(str("a cluster is up in ", directory.string(),
                                 "; end it with: trireme devcluster down --dir ", directory.string()));
    }
    down(directory);
  }
  if (fs::is_directory(directory)) {
    for (const auto& entry : fs::directory_iterator(directory)) {
      // The file belongs to a cluster that was killed while it wrote its plan.
      const std::string name = entry.path().filename();
      if (name.starts_with(str(kPlanName, ".")) && name.ends_with(".tmp")) fs::remove(entry);
    }
  }
  if (fs::exists(directory) && (!fs::is_directory(directory) || !fs::is_empty(directory))) {
    throw base::InputError(str(directory.string(), " holds something that is no devcluster; choose another --dir"));
  }
  fs::create_directories(directory);
  fs::permissions(directory, fs::perms::group_write | fs::perms::others_write, fs::perm_options::remove);
  require_roots_directory(directory, sudo_user());  // checks that nobody has replaced it meanwhile
}

// Whatever root's umask is, users can find the configuration, munge's socket and their jobs' scripts, but write none of
// them.
void open_to_readers(const Plan& plan) {
  ::umask(022);  // inherited by the daemons and what they make
  if (::chmod(plan.directory.c_str(), 0755) != 0 || ::chmod((plan.directory / kPlanName).c_str(), 0644) != 0) {
    throw base::Error(str("cannot change the rights of ", plan.directory.string(), ": ", std::strerror(errno)));
  }
}

void write_files(const Plan& plan) {
  for (const char* name : {"etc", "run", "log", "state", "spool", "ns", "dev", "tmp"})
    fs::create_directory(plan.directory / name);
  base::PosixFileSystem files;
  write(plan.directory / "etc/munge.key", random_bytes(128), 0400);
  write(plan.conf(), slurm_conf(plan), 0644);
  write(plan.directory / "etc/gres.conf", gres_conf(plan), 0644);
  write(plan.directory / "etc/task_prolog", task_prolog(plan), 0755);
  write(plan.directory / "etc/hosts", hosts_file(plan, files.exists("/etc/hosts") ? files.read_all("/etc/hosts") : ""),
        0644);
  write(plan.directory / "etc/mpi.conf", "", 0644);
  for (int node = 1; node <= plan.nodes; ++node) {
    fs::create_directory(plan.directory / "tmp" / node_name(node));
    write(plan.directory / "etc" / ("mpi." + node_name(node)), mpi_conf(plan, node), 0644);
  }
  if (plan.accounting) write(plan.directory / "etc/slurmdbd.conf", slurmdbd_conf(plan), 0600);
  for (int gpu = 0; gpu < plan.gpus_per_node; ++gpu) {
    const fs::path device = plan.directory / "dev" / str("gpu", gpu);
    // The null device under another name: Slurm wants a device file, but nothing must be able to compute on it.
    if (::mknod(device.c_str(), S_IFCHR | 0666, ::makedev(1, 3)) != 0) {
      throw base::Error(str("cannot make the device file ", device.string(), ": ", std::strerror(errno)));
    }
  }
}

std::vector<std::string> slurmd_words(const Plan& plan, int node) {
  return on_node(plan, node, {"slurmd", "-D", "-N", node_name(node), "-f", plan.conf().string()});
}

void start_daemons(const Plan& plan, const std::function<bool()>& interrupted) {
  const std::string dir = plan.directory.string();
  record(plan, "munged",
         start_daemon({"munged", "--foreground", "--force", "--key-file", dir + "/etc/munge.key", "--socket",
                       plan.munge_socket().string(), "--pid-file", dir + "/run/munged.pid", "--log-file",
                       dir + "/log/munged.log", "--seed-file", dir + "/run/munged.seed"},
                      plan.log("munged.start")));
  for (int i = 0; i < 200 && !fs::exists(plan.munge_socket()) && !interrupted(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (plan.accounting) {
    start_accounting(plan, [&](const std::string& role, const ProcessId& process) { record(plan, role, process); });
  }
  record(plan, "slurmctld", start_daemon({"slurmctld", "-D", "-f", plan.conf().string()}, plan.log("slurmctld.start")));
  for (int node = 1; node <= plan.nodes; ++node) {
    make_spaces(plan, node);
    record(plan, node_name(node), start_daemon(slurmd_words(plan, node), plan.log("slurmd." + node_name(node))));
  }
}

// The last lines that the first dead daemon logged, or else the controller.
std::string last_words(const Plan& plan) {
  std::string role = "slurmctld";
  for (const Record& one : records(plan.directory)) {
    if (!is_alive(one.process)) {
      role = one.role[0] == 'n' ? "slurmd." + one.role : one.role;
      break;
    }
  }
  base::PosixFileSystem files;
  for (const fs::path& log : {plan.log(role), plan.log(role + ".start")}) {
    if (!files.exists(log)) continue;
    std::string text = files.read_all(log);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (!text.empty()) return str(role, ": ", text.substr(text.rfind('\n') + 1));
  }
  return role + " said nothing";
}

void wait_until_idle(const Plan& plan, const std::function<bool()>& interrupted) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < until) {
    if (interrupted()) throw base::Stopped("interrupted while the cluster came up; nothing of it is left");
    const auto all = daemons(plan.directory);
    if (std::any_of(all.begin(), all.end(), [](const Daemon& daemon) { return !daemon.alive; })) break;
    const auto idle = slurm::run_command({"env", "SLURM_CONF=" + plan.conf().string(), "sinfo", "--noheader",
                                          "--partition=low", "--states=idle", "-o", "%D"});
    if (idle && std::atoi(idle->output.c_str()) == plan.nodes) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw base::Error(str("the cluster did not come up: ", last_words(plan)));
}

}  // namespace

Plan up(Plan plan, const std::function<bool()>& interrupted) {
  check_rights();
  check_programs(plan);
  const StartLock lock;
  claim_directory(plan.directory);
  ::setenv(kMark, plan.directory.c_str(), 1);
  try {
    const auto ports = base::free_ports(static_cast<std::size_t>(plan.nodes) + 2);
    plan.controller_port = ports[0];
    plan.accounting_port = ports[1];
    plan.node_ports.assign(ports.begin() + 2, ports.end());
    plan.slurm_release = release_of(slurm::run_command({"slurmctld", "-V"})->output);
    if (plan.links) plan.network = free_network();
    // Written before anything that has to be undone, and either whole or not at all.
    base::PosixFileSystem().replace(plan.directory / kPlanName, to_json(plan));
    open_to_readers(plan);
    if (plan.links) make_bridge(plan);
    write_files(plan);
    start_daemons(plan, interrupted);
    wait_until_idle(plan, interrupted);
    if (plan.accounting) add_accounts(plan);
    return plan;
  } catch (...) {
    if (!down(plan.directory)) fs::remove_all(plan.directory);
    throw;
  }
}

bool down(const fs::path& directory) {
  if (!fs::exists(directory / kPlanName)) return false;
  check_rights();
  const Plan plan = read_plan(directory);
  std::vector<ProcessId> jobs, daemons;
  for (int node = 1; node <= plan.nodes; ++node) {
    for (const ProcessId& process : processes_in(uts_pin(plan, node))) jobs.push_back(process);
  }
  end_processes(jobs, 0);
  const auto all = records(directory);
  for (auto one = all.rbegin(); one != all.rend(); ++one) daemons.push_back(one->process);
  end_processes(daemons, 3);
  // A process that was being started may have started another one meanwhile, so this repeats until none is left.
  for (auto rest = marked_processes(plan.directory); !rest.empty(); rest = marked_processes(plan.directory)) {
    end_processes(rest, 1);
  }
  remove_spaces(plan);
  remove_job_files(plan);
  fs::remove_all(directory);
  return true;
}

Plan read_plan(const fs::path& directory) {
  base::PosixFileSystem files;
  if (!files.exists(directory / kPlanName)) {
    throw base::InputError(str("no cluster is up in ", directory.string(), "; start one with: trireme devcluster up"));
  }
  // Root ends the processes that this directory lists, so only root may have been able to write to it.
  require_roots_directory(directory, sudo_user());
  Plan plan = plan_from_json(files.read_all(directory / kPlanName));
  if (!fs::equivalent(plan.directory, directory)) throw base::Error(str(directory.string(), " was moved or copied"));
  return plan;
}

std::vector<Daemon> daemons(const fs::path& directory) {
  std::vector<Daemon> result;
  for (const Record& one : records(directory)) {
    const auto same = std::find_if(result.begin(), result.end(), [&](const Daemon& d) { return d.role == one.role; });
    Daemon& daemon = same == result.end() ? result.emplace_back(Daemon{one.role, false}) : *same;
    daemon.alive = is_alive(one.process);
  }
  return result;
}

int kill_node(const Plan& plan, int node) {
  check_rights();
  const auto processes = processes_in(uts_pin(plan, node));
  end_processes(processes, 0);
  return static_cast<int>(processes.size());
}

void start_node(const Plan& plan, int node) {
  check_rights();
  ::umask(022);
  ::setenv(kMark, plan.directory.c_str(), 1);
  for (const Daemon& daemon : daemons(plan.directory)) {
    if (daemon.role == node_name(node) && daemon.alive) {
      throw base::InputError(str("node ", node_name(node), " is up already"));
    }
  }
  record(plan, node_name(node), start_daemon(slurmd_words(plan, node), plan.log("slurmd." + node_name(node))));
}

}  // namespace trireme::devcluster
