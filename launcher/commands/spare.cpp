// trireme job spare: looks at the cluster from time to time for a spare job (submit --spare) while its ranks compute,
// and asks the run to save and end when it is to go on with more or fewer nodes. Its batch script starts it.
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/user_name.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/submission/sbatch.hpp"
#include "launcher/submission/spare_choice.hpp"
#include "launcher/submission/submission.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/submit/spare.hpp"
#include "slurm/submit/spare_order.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;
using Kind = slurm::SpareDecision::Kind;

struct Line {
  std::string directory, script;
  std::int64_t ranks_per_node = 1, most_nodes = 1, longest = 86400, attempt = 1, launcher = 0;
  options::CommandLine line;
  options::RunArguments run;

  Line()
      : line("job spare", "watches the cluster for a spare job while its ranks compute, for batch scripts",
             "trireme job spare run.ini --dir runs/bible --ranks-per-node 4 --most-nodes 8 --attempt 1 --launcher 4711 "
             "--script submit.sbatch"),
        run((declare(), line), options::Listing::kAside) {}

 private:
  void declare() {
    line.value("dir", directory, "DIR", "the run directory").required();
    line.value("ranks-per-node", ranks_per_node, "R", "of the job").range(1, 4096);
    line.value("most-nodes", most_nodes, "N", "that all spare jobs of the user may have together").range(1, 1e6);
    line.value("longest", longest, "SECONDS", "that a job may ask for in this partition").range(60, 1e9);
    line.value("attempt", attempt, "K", "that computes").range(1, 1e9);
    line.value("launcher", launcher, "PID", "what started its ranks: SIGUSR1 there saves and ends it").range(1, 1e9);
    line.value("script", script, "FILE", "the job's batch script").required();
  }
};

// The job of sbatch's next answer is one like this job, only elsewhere: so the queue says whether nodes are really to
// be had. Nothing when it refuses, as it does where nodes may not submit.
bool starts_now(const std::string& script, const slurm::Slice& slice, std::int64_t nodes) {
  constexpr double kSoon = 60;
  slurm::Slice more = slice;
  more.nodes = more.fewest = nodes;
  const auto answer = slurm::run_command(sbatch_words(more.words(), {"--test-only"}, script));
  const auto start = answer ? promised_start(answer->error + answer->output) : std::nullopt;
  return start && *start - base::wall_time() <= kSoon;
}

std::optional<slurm::SpareView> look_at_cluster() {
  const auto nodes = slurm::output_of(slurm::run_command, slurm::spare_nodes_command());
  const auto jobs = slurm::output_of(slurm::run_command, slurm::spare_jobs_command());
  if (!nodes || !jobs) return std::nullopt;
  return slurm::parse_spare_view(*nodes, *jobs, base::wall_time());
}

// Returns when the run was asked to end, or has ended by itself.
void watch(base::FileSystem& files, const Line& command, const options::RunOptions& options,
           const slurm::JobEnvironment& job) {
  const auto launcher = static_cast<pid_t>(command.launcher);
  const std::chrono::seconds period(options.slurm.spare_seconds);
  const slurm::SparePlace place = own_place(job, command.longest, command.most_nodes);
  std::optional<slurm::SpareWatch> watch;
  const double started = base::wall_time();
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    std::this_thread::sleep_for(period);
    if (::kill(launcher, 0) != 0) return;
    const auto view = look_at_cluster();
    const slurm::SpareJob* own = view ? slurm::find_job(*view, job.job_id) : nullptr;
    if (own == nullptr) continue;
    if (!watch) {
      const auto attempts = slurm::read_attempts(files, Path(command.directory) / "attempts.jsonl");
      auto needs = spare_needs(layout_needs(options), command.ranks_per_node, options.slurm.min_nodes,
                               command.most_nodes, slurm::last_measured(attempts));
      needs.time_limit = static_cast<double>(command.longest);
      const auto config = slurm::output_of(slurm::run_command, {"scontrol", "show", "config"});
      needs.requeue = slurm::scheduler_seconds(config.value_or(""));
      if (!config || slurm::hides_jobs(*config)) {
        needs.most_nodes = own->nodes;  // whoever waits cannot be seen here
        base::print_note("trireme job: others' jobs cannot be seen here (PrivateData), so the run does not grow");
      }
      const auto before = slurm::change_before(attempts, static_cast<int>(command.attempt), own->nodes, started, needs);
      watch.emplace(needs, place, job.job_id, base::user_name(::geteuid()), own->nodes,
                    static_cast<double>(options.slurm.spare_seconds), before);
    }
    const double now = base::seconds_since(began);
    const auto decision = watch->look(*view, now, own->seconds);
    if (decision.kind == Kind::kKeep) continue;
    const bool grows = decision.kind == Kind::kGrow;
    if (grows && !starts_now(command.script, *decision.slice, decision.slice->nodes - own->nodes)) {
      watch->refused(now);
      continue;
    }
    base::print_note("trireme job: " + decision.why);
    if (decision.slice) {
      slurm::write_spare_order(files, command.directory, static_cast<int>(command.attempt), *decision.slice);
    }
    ::kill(launcher, SIGUSR1);
    return;
  }
}

}  // namespace

int job_spare_command(const Arguments& arguments) {
  Line command;
  if (!command.line.parse(arguments)) return base::kExitDone;
  const slurm::JobEnvironment job = slurm::read_job_environment();
  if (!job.in_job())
    throw base::InputError("trireme job spare works inside a Slurm job only: its batch script calls it");
  base::PosixFileSystem files;
  watch(files, command, command.run.load(), job);
  return base::kExitDone;
}

}  // namespace trireme::launcher
