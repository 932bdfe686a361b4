#include "slurm/devcluster/accounting.hpp"

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "slurm/devcluster/node_spaces.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::devcluster {
namespace {

void wait_for(const std::string& what, const std::vector<std::string>& question) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < until) {
    const auto answer = slurm::run_command(question);
    if (answer && answer->exit_code == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw base::Error(what + " does not answer after 30 s");
}

}  // namespace

void start_accounting(const Plan& plan, const std::function<void(const std::string&, const ProcessId&)>& started) {
  const std::string dir = plan.directory.string();
  const std::string socket = "--socket=" + dir + "/run/mariadb.socket";
  run_checked({"mariadb-install-db", "--no-defaults", "--user=root", "--datadir=" + dir + "/database",
               "--auth-root-authentication-method=normal", "--skip-test-db"});
  started("mariadb", start_daemon({"mariadbd", "--no-defaults", "--user=root", "--datadir=" + dir + "/database", socket,
                                   "--skip-networking", "--pid-file=" + dir + "/run/mariadb.pid",
                                   "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M"},
                                  plan.log("mariadb")));
  wait_for("the cluster's MariaDB", {"mariadb-admin", "--no-defaults", socket, "--user=root", "ping"});
  // slurmdbd reads slurmdbd.conf from the directory of slurm.conf.
  started("slurmdbd",
          start_daemon({"slurmdbd", "-D"}, plan.log("slurmdbd.start"),
                       {"SLURM_CONF=" + plan.conf().string(), "MYSQL_UNIX_PORT=" + dir + "/run/mariadb.socket"}));
  wait_for("slurmdbd", {"env", "SLURM_CONF=" + plan.conf().string(), "sacctmgr", "--noheader", "show", "cluster"});
}

void add_accounts(const Plan& plan) {
  const auto sacctmgr = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"env", "SLURM_CONF=" + plan.conf().string(), "sacctmgr", "--immediate", "add"});
    run_checked(words);
  };
  sacctmgr({"account", "physics", "fairshare=3"});
  sacctmgr({"account", "biology", "fairshare=1"});
  const char* caller = std::getenv("SUDO_USER");
  for (const std::string& user : std::set<std::string>{"root", caller == nullptr ? "root" : caller}) {
    sacctmgr({"user", user, "account=physics,biology", "defaultaccount=physics"});
  }
}

}  // namespace trireme::devcluster
