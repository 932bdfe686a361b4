// trireme devcluster: a real Slurm cluster of several nodes on this machine, to try things on and to test with.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "base/answer.hpp"
#include "base/child_signals.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/site_file.hpp"
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

// Slurm's own commands find the cluster by the first variable alone; the second keeps ours from taking another
// cluster's site file.
void point_at(const Plan& plan) {
  ::setenv("SLURM_CONF", plan.conf().c_str(), 1);
  ::setenv("TRIREME_SITE", options::kNoSiteFile, 1);
}

std::string output_of(const std::vector<std::string>& words) {
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
  const double seconds = base::seconds_since(start);
  const std::string dir = command.directory == default_directory() ? "" : " --dir " + command.directory;
  base::answer(str(nodes, " nodes are up after ", format_duration(seconds),
                   ": partitions low (the default) and high, which preempts it (", plan.preempt_mode, ", grace ", grace,
                   " s)"));
  base::answer(str("  export SLURM_CONF=", plan.conf().string(), " TRIREME_SITE=", options::kNoSiteFile,
                   "    then sbatch, squeue, scontrol … use it"));
  base::answer(str("  trireme devcluster preempt", dir, " JOB        a job of high takes its nodes"));
  base::answer(str("  trireme devcluster kill-node", dir, " n2       as if its power were cut"));
  base::answer(str("  trireme devcluster down", dir, "               ends everything"));
  return base::kExitDone;
}

int down(const Arguments& arguments) {
  Line command("down", "ends the cluster and all its jobs, and removes its directory", "down");
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Path directory = directory_of(command.directory);
  base::answer(devcluster::down(directory) ? str("the cluster in ", directory.string(), " is gone")
                                           : str("no cluster is up in ", directory.string()));
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
    base::answer_json(
        {{"directory", plan.directory.string()}, {"slurm_conf", plan.conf().string()}, {"daemons", list}});
  } else {
    base::answer("SLURM_CONF=" + plan.conf().string());
    base::answer_text(str("\n", format_table(rows), "\n", output_of({"sinfo"}), "\n\n", output_of({"squeue"}), "\n"));
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
      output_of({"sbatch", "--parsable", "--partition=high", "--exclusive", "--nodelist=" + running,
                 "--job-name=filler", "--output=/dev/null", "--no-requeue", str("--wrap=sleep ", seconds)});
  base::answer(str("job ", filler, " wants ", running, " for ", seconds, " s and preempts job ", job));
  return base::kExitDone;
}

int kill_node(const Arguments& arguments) {
  Line command("kill-node", "SIGKILL to a node's daemon and to everything that runs on it, as a power cut would",
               "kill-node n2");
  command.line.positionals("NODE", command.words, "n1, n2, …", 1, 1);
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  const int killed = devcluster::kill_node(plan, devcluster::node_number(plan, command.words[0]));
  base::answer(str(command.words[0], ": ", killed, " processes killed; Slurm notices within about 15 s; back with: ",
                   "trireme devcluster start-node ", command.words[0]));
  return base::kExitDone;
}

int start_node(const Arguments& arguments) {
  Line command("start-node", "starts the daemon of a killed node again", "start-node n2");
  command.line.positionals("NODE", command.words, "n1, n2, …", 1, 1);
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  devcluster::start_node(plan, devcluster::node_number(plan, command.words[0]));
  base::answer(command.words[0] + " is starting");
  return base::kExitDone;
}

int change_link(const Arguments& arguments, const char* name, const char* summary, const char* done,
                void (*change)(const Plan&, int, int)) {
  Line command(name, summary, str(name, " n1 n2"));
  command.line.positionals("NODE NODE", command.words, "the two ends", 2, 2);
  if (!command.line.parse(arguments)) return base::kExitDone;
  const Plan plan = command.plan();
  change(plan, devcluster::node_number(plan, command.words[0]), devcluster::node_number(plan, command.words[1]));
  base::answer(str("the link between ", command.words[0], " and ", command.words[1], " is ", done));
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
