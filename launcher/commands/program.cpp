// A [program] run (docs/program.md): `trireme train RUN.ini` without a launcher, and what its batch script and its
// ranks call: trireme job start, rank, signal.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/signals.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/supervisor/program_processes.hpp"
#include "launcher/supervisor/rank_process.hpp"
#include "launcher/supervisor/supervise.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {
namespace {

using base::str;

// Splits the words at the first "--".
std::vector<std::string> take_starter(Arguments& arguments) {
  const auto dashes = std::ranges::find(arguments, "--");
  if (dashes == arguments.end()) return {};
  std::vector<std::string> starter(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  return starter;
}

std::vector<std::string> hosts_of(const std::string& list) {
  std::vector<std::string> hosts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    hosts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const std::string& host : hosts) {
    if (!base::is_host_name(host)) throw base::InputError(str("--hosts ", list, ": '", host, "' is no host's name"));
  }
  return hosts;
}

int supervise_run(const options::RunOptions& options, const ProgramPlacement& placement) {
  base::SignalThread signals;
  base::PosixFileSystem files;
  return supervise(files, signals, options, placement, base::Log(stdout));
}

}  // namespace

bool starts_program(const Arguments& arguments) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) return false;  // a rank of somebody's launcher: the helper says what is wrong
  }
  try {
    options::TrainLine line;
    if (line.line.asks_for_help(arguments)) return false;
    line.line.parse(arguments);
    return line.run.load().program.given();
  } catch (const base::InputError&) {
    return false;  // the helper says the same
  }
}

int train_program_command(const Arguments& arguments) {
  options::TrainLine command;
  if (!command.line.parse(arguments)) return base::kExitDone;
  std::vector<std::string> notes;
  const options::RunOptions options = command.run.load(0, &notes);
  for (const std::string& note : notes) base::print_note("note: " + note);
  base::PosixFileSystem files;
  const std::filesystem::path run = options.run.dir;
  const auto attempts = slurm::read_attempts(files, run / "attempts.jsonl");
  if (is_finished(files, run, attempts, options)) {
    base::print_note(str("the run in ", options.run.dir, " is done already: for another one change the command, its ",
                         "parameters, or run.dir"));
    return base::kExitDone;
  }
  return supervise_run(options, local_placement(options));
}

int job_start_command(const Arguments& arguments) {
  Arguments words = arguments;
  std::string hosts;
  std::int64_t ranks_per_node = 1;
  ProgramPlacement placement;
  placement.prefix = take_starter(words);
  options::CommandLine line(
      "job start", "starts a [program] run's next attempt and looks after it, for batch scripts",
      "trireme job start run.ini --hosts n1,n2 --ranks-per-node 4 -- mpirun --host n1:4,n2:4 -n 8");
  line.value("hosts", hosts, "A,B", "the nodes of the attempt, rank 0's first").required();
  line.value("ranks-per-node", ranks_per_node, "R", "of the job").range(1, 4096);
  const options::RunArguments run_arguments(line, options::Listing::kAside);
  if (!line.parse(words)) return base::kExitDone;
  const options::RunOptions options = run_arguments.load();
  if (!options.program.given()) {
    throw base::InputError(str(run_arguments.file(), " has no [program] command: trireme train trains it"));
  }
  placement.launcher = options.program.launcher;
  placement.hosts = hosts_of(hosts);
  placement.ranks_per_node = ranks_per_node;
  return supervise_run(options, placement);
}

int job_rank_command(const Arguments& arguments) {
  std::vector<std::string> words;
  options::CommandLine line("job rank", "starts one rank's process of a [program] run, for its launcher",
                            "trireme job rank runs/mine/logs/launch.1.json");
  line.positionals("FILE", words, "what trireme job start or trireme train wrote", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  return run_rank(files, words[0]);
}

int job_signal_command(const Arguments& arguments) {
  std::string token;
  std::int64_t signal = 0;
  options::CommandLine line("job signal", "sends a signal to a [program] run's processes on this node",
                            "trireme job signal --token 0123456789abcdef --number 10");
  line.value("token", token, "TOKEN", "of the attempt").required();
  line.value("number", signal, "N", "of the signal; 0: only counts them").required().range(0, 64);
  if (!line.parse(arguments)) return base::kExitDone;
  base::answer(str(signal_program(token, static_cast<int>(signal))));
  return base::kExitDone;
}

}  // namespace trireme::launcher
