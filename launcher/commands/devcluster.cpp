// trireme devcluster: a real Slurm cluster of several nodes on this machine, to try things on and to test with.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/child_signals.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/format.hpp"
#include "launcher/options/command_line.hpp"
#include "slurm/devcluster/cluster.hpp"
#include "slurm/devcluster/node_spaces.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;
using devcluster::Plan;
using Path = std::filesystem::path;

// Only root starts a cluster, and everybody on the machine uses it: one place for all.
std::string default_directory() { return "/var/tmp/trireme-devcluster-0"; }

Path directory_of(const std::string& word) { return std::filesystem::absolute(word).lexically_normal(); }

/// The command line of a subcommand that works on a cluster which is up.
struct Line {
  std::string directory = default_directory();
  std::vector<std::string> words;
  options::CommandLine line;

  Line(const std::string& name, const std::string& summary, const std::string& example)
      : line("devcluster " + name, summary, "trireme devcluster " + example) {
    line.value("dir", directory, "DIR", "the cluster's directory");
  }
  Plan plan() const { return devcluster::read_plan(directory_of(directory)); }
};

// Slurm's own commands find the cluster by this variable alone.
void point_at(const Plan& plan) { ::setenv("SLURM_CONF", plan.conf().c_str(), 1); }

std::string answer(const std::vector<std::string>& words) {
  const auto result = slurm::run_command(words);
  if (!result) throw base::Error(str("there is no program ", words[0]));
  if (result->exit_code != 0) {
    throw base::Error(str(words[0], ": ", result->error.substr(0, result->error.find('\n'))));
  }
  std::string text = result->output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

[[noreturn]] void replace_by(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  base::free_signals_for_exec();
  ::execvp(pointers[0], pointers.data());
  throw base::Error(str("cannot run ", words[0], ": ", std::strerror(errno)));
}

int up(const Arguments& arguments) {
  Plan plan;
  Line command("up", "starts a Slurm cluster on this machine",
               "up --nodes 4 --grace 20\ntrireme devcluster up --links");
  std::int64_t nodes = plan.nodes, cpus = plan.cpus_per_node, gpus = 0, grace = 0, kill_wait = plan.kill_wait,
               limit = 0;
  bool no_requeue = false;
  command.line.value("nodes", nodes, "N", "nodes n1 to nN").range(1, 64);
  command.line.value("cpus-per-node", cpus, "C", "made up: the nodes share this machine's cores").range(1, 1024);
  command.line.value("gpus-per-node", gpus, "G", "made up: device files that nothing computes on").range(0, 16);
  command.line
      .value("preempt-mode", plan.preempt_mode, "MODE", "of jobs in partition low when partition high needs room")
      .one_of({"requeue", "cancel", "off"});
  command.line.value("grace", grace, "SECONDS", "that a preempted job has left").range(0, 3600);
  command.line.flag("send-user-signal", plan.send_user_signal, "preemption also sends what sbatch --signal asks for");
  command.line.value("kill-wait", kill_wait, "SECONDS", "between SIGTERM and SIGKILL").range(0, 3600);
  command.line.value("max-minutes", limit, "MINUTES", "time limit of both partitions; 0: none").range(0, 1e6);
  command.line.flag("no-requeue", no_requeue, "jobs may not be requeued unless they ask for it");
  command.line.flag("accounting", plan.accounting, "slurmdbd and MariaDB, with accounts physics and biology");
  command.line.flag("links", plan.links, "a network namespace for each node, so that links can be cut");
  if (!command.line.parse(arguments)) return base::kExitDone;
  plan.directory = directory_of(command.directory);
  plan.nodes = static_cast<int>(nodes);
  plan.cpus_per_node = static_cast<int>(cpus);
  plan.gpus_per_node = static_cast<int>(gpus);
  plan.grace = static_cast<int>(grace);
  plan.kill_wait = static_cast<int>(kill_wait);
  plan.max_minutes = static_cast<int>(limit);
  plan.requeue = !no_requeue;
  const base::SignalThread signals;
  const auto start = std::chrono::steady_clock::now();
  plan = devcluster::up(plan, [&] { return signals.received() != 0; });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string dir = command.directory == default_directory() ? "" : " --dir " + command.directory;
  std::printf(
      "%lld nodes are up after %s: partitions low (the default) and high, which preempts it (%s, grace %lld s)\n"
      "  export SLURM_CONF=%s    then sbatch, squeue, scontrol … use it\n"
      "  trireme devcluster preempt%s JOB        a job of high takes its nodes\n"
      "  trireme devcluster kill-node%s n2       as if its power were cut\n"
      "  trireme devcluster down%s               ends everything\n",
      static_cast<long long>(nodes), format_duration(seconds).c_str(), plan.preempt_mode.c_str(),
      static_cast<long long>(grace), plan.conf().c_str(), dir.c_str(), dir.c_str(), dir.c_str());
  return base::kExitDone;
}

int down(const Arguments& arguments) {
  Line command("down", "ends the cluster and all its jobs, and removes its directory", "down");
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Path directory = directory_of(command.directory);
  std::printf(devcluster::down(directory) ? "the cluster in %s is gone\n" : "no cluster is up in %s\n",
              directory.c_str());
  return base::kExitDone;
}

int status(const Arguments& arguments) {
  bool json = false;
  Line command("status", "the cluster's daemons, nodes and jobs", "status");
  command.line.flag("json", json, "print one JSON object instead of tables");
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  point_at(plan);
  std::vector<std::vector<std::string>> rows = {{"daemon", "state"}};
  Json list = Json::array();
  bool all_alive = true;
  for (const auto& daemon : devcluster::daemons(plan.directory)) {
    rows.push_back({daemon.role, daemon.alive ? "up" : "down"});
    list.push_back({{"role", daemon.role}, {"alive", daemon.alive}});
    all_alive = all_alive && daemon.alive;
  }
  if (json) {
    std::printf(
        "%s\n",
        base::to_line({{"directory", plan.directory.string()}, {"slurm_conf", plan.conf().string()}, {"daemons", list}})
            .c_str());
  } else {
    std::printf("SLURM_CONF=%s\n\n%s\n%s\n\n%s\n", plan.conf().c_str(), format_table(rows).c_str(),
                answer({"sinfo"}).c_str(), answer({"squeue"}).c_str());
  }
  return all_alive ? base::kExitDone : base::kExitFailed;
}

// --dir DIR may come first; everything after it belongs to the other program.
std::vector<std::string> foreign_words(Line& command, const Arguments& arguments, bool* help) {
  std::size_t own = 0;
  if (own < arguments.size() && arguments[own] == "--dir")
    own += 2;
  else if (own < arguments.size() && arguments[own].starts_with("--dir="))
    own += 1;
  const bool asks = own < arguments.size() && (arguments[own] == "--help" || arguments[own] == "-h");
  const std::size_t end = std::min(arguments.size(), own + (asks ? 1 : 0));
  *help = !command.line.parse({arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(end)});
  std::vector<std::string> words(arguments.begin() + static_cast<std::ptrdiff_t>(end), arguments.end());
  if (!words.empty() && words.front() == "--") words.erase(words.begin());
  return words;
}

int run(const Arguments& arguments) {
  Line command("run", "runs a command that sees the cluster: everything after --dir is that command",
               "run squeue\ntrireme devcluster run -- sbatch --nodes=2 train.sbatch run.ini");
  bool help = false;
  const auto words = foreign_words(command, arguments, &help);
  if (help) return base::kExitDone;
  if (words.empty()) throw base::InputError("devcluster run: no command given; see: trireme devcluster run --help");
  point_at(command.plan());
  replace_by(words);
}

int submit(const Arguments& arguments) {
  Line command("submit", "sbatch on the cluster: everything after --dir goes to sbatch",
               "submit --nodes=2 train.sbatch run.ini");
  bool help = false;
  auto words = foreign_words(command, arguments, &help);
  if (help) return base::kExitDone;
  if (words.empty())
    throw base::InputError("devcluster submit: no script given; see: trireme devcluster submit --help");
  point_at(command.plan());
  words.insert(words.begin(), "sbatch");
  replace_by(words);
}

int preempt(const Arguments& arguments) {
  std::int64_t seconds = 20;
  Line command("preempt", "submits a job to partition high that needs exactly the nodes of JOB",
               "preempt 12 --seconds 30");
  command.line.value("seconds", seconds, "S", "that it keeps the nodes").range(1, 1e6);
  command.line.positionals("JOB", command.words, "a running job of partition low", 1, 1);
  if (!command.line.parse(arguments)) return base::kExitDone;
  point_at(command.plan());
  const std::string job = command.words[0];
  const auto nodes = slurm::output_of(slurm::run_command,
                                      {"squeue", "--noheader", "--states=RUNNING", "--jobs=" + job, "--format=%N"});
  const std::string running = nodes.value_or("").substr(0, nodes.value_or("").find('\n'));
  if (running.empty()) throw base::InputError(str("job ", job, " is not running"));
  const std::string filler =
      answer({"sbatch", "--parsable", "--partition=high", "--exclusive", "--nodelist=" + running, "--job-name=filler",
              "--output=/dev/null", "--no-requeue", str("--wrap=sleep ", seconds)});
  std::printf("job %s wants %s for %lld s and preempts job %s\n", filler.c_str(), running.c_str(),
              static_cast<long long>(seconds), job.c_str());
  return base::kExitDone;
}

int kill_node(const Arguments& arguments) {
  Line command("kill-node", "SIGKILL to a node's daemon and to everything that runs on it, as a power cut would",
               "kill-node n2");
  command.line.positionals("NODE", command.words, "n1, n2, …", 1, 1);
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  const int killed = devcluster::kill_node(plan, devcluster::node_number(plan, command.words[0]));
  std::printf("%s: %d processes killed; Slurm notices within about 15 s; back with: trireme devcluster start-node %s\n",
              command.words[0].c_str(), killed, command.words[0].c_str());
  return base::kExitDone;
}

int start_node(const Arguments& arguments) {
  Line command("start-node", "starts the daemon of a killed node again", "start-node n2");
  command.line.positionals("NODE", command.words, "n1, n2, …", 1, 1);
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  devcluster::start_node(plan, devcluster::node_number(plan, command.words[0]));
  std::printf("%s is starting\n", command.words[0].c_str());
  return base::kExitDone;
}

int change_link(const Arguments& arguments, const char* name, const char* summary, const char* done,
                void (*change)(const Plan&, int, int)) {
  Line command(name, summary, str(name, " n1 n2"));
  command.line.positionals("NODE NODE", command.words, "the two ends", 2, 2);
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  change(plan, devcluster::node_number(plan, command.words[0]), devcluster::node_number(plan, command.words[1]));
  std::printf("the link between %s and %s is %s\n", command.words[0].c_str(), command.words[1].c_str(), done);
  return base::kExitDone;
}

int cut_link(const Arguments& arguments) {
  return change_link(arguments, "cut-link", "no packet passes between two nodes any more (needs up --links)", "cut",
                     devcluster::cut_link);
}

int restore_link(const Arguments& arguments) {
  return change_link(arguments, "restore-link", "packets pass again", "whole", devcluster::restore_link);
}

}  // namespace

int devcluster_command(const Arguments& arguments) {
  return options::run_subcommand("devcluster",
                                 "trireme devcluster up --nodes 4\ntrireme devcluster submit train.sbatch run.ini",
                                 {{"up", "starts a Slurm cluster on this machine", up},
                                  {"status", "its daemons, nodes and jobs", status},
                                  {"run", "runs a command that sees the cluster", run},
                                  {"submit", "sbatch on the cluster", submit},
                                  {"preempt", "a job of higher priority takes a job's nodes", preempt},
                                  {"kill-node", "a node's power is cut", kill_node},
                                  {"start-node", "a killed node comes back", start_node},
                                  {"cut-link", "two nodes do not reach each other any more", cut_link},
                                  {"restore-link", "they reach each other again", restore_link},
                                  {"down", "ends the cluster and all its jobs", down}},
                                 arguments);
}

}  // namespace trireme::launcher
