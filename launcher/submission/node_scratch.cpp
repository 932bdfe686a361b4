#include "launcher/submission/node_scratch.hpp"

#include <algorithm>
#include <cctype>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using base::str;

// $1, $2: the two directories without ".<attempt>". $3: the attempt whose directories stay, or nothing.
constexpr const char* kRenew =
    "for old in \"$1\".* \"$2\".*; do\n"
    "  case $old in \"$1.$3\" | \"$2.$3\") ;; *) rm -rf -- \"$old\" ;; esac\n"
    "done\n"
    "[ -n \"$3\" ] || exit 0\n"
    "for new in \"$1.$3\" \"$2.$3\"; do\n"
    "  mkdir -p -m 700 -- \"$new\" && [ -O \"$new\" ] && [ ! -L \"$new\" ] || exit 1\n"
    "done\n";

}  // namespace

NodeScratch node_scratch(uid_t user, const std::string& cluster, const slurm::JobEnvironment& job,
                         const std::string& temporary) {
  std::string name = str("trireme-", user, '-', cluster, '-', job.job_id);
  std::ranges::replace_if(
      name, [](const unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '_'; }, '_');
  return {str(temporary.empty() ? "/tmp" : temporary, '/', name), "/dev/shm/" + name};
}

std::vector<std::string> on_each_node(int seconds, const std::vector<std::string>& hosts,
                                      const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& host : hosts) list += (list.empty() ? "" : ",") + host;
  std::vector<std::string> all = {"timeout",
                                  std::to_string(seconds),
                                  "srun",
                                  "--overlap",
                                  "--mpi=none",
                                  "--mem=0",
                                  str("--nodes=", hosts.size()),
                                  str("--ntasks=", hosts.size()),
                                  "--ntasks-per-node=1",
                                  "--cpus-per-task=1",
                                  "--nodelist=" + list};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::vector<std::string> renewal(const NodeScratch& scratch, int keep) {
  return {"sh", "-c", kRenew, "sh", scratch.session, scratch.memory, keep > 0 ? std::to_string(keep) : ""};
}

}  // namespace trireme::launcher
