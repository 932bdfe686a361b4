// trireme job: what batch scripts ask (docs/slurm.md). next: what to do before the first attempt and after each;
// directory: where the run lies.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <sstream>
#include <thread>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "base/user_name.hpp"
#include "base/words.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/run_directory/fast_directory.hpp"
#include "launcher/run_directory/program_metrics.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/submission/job_time.hpp"
#include "launcher/submission/node_scratch.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/submission/sbatch.hpp"
#include "launcher/submission/script_plan.hpp"
#include "launcher/submission/spare_choice.hpp"
#include "launcher/submission/submission.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/job/preempted.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/site/hostlist.hpp"
#include "slurm/site/slurm_text.hpp"
#include "slurm/submit/next_step.hpp"
#include "slurm/submit/spare_order.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

// A killed attempt leaves no end; its outcome and the checkpoints tell what it came to.
void complete(base::FileSystem& files, const Path& run, bool program, std::vector<slurm::Attempt>& attempts) {
  if (!slurm::is_last_open(attempts)) return;
  slurm::Attempt& last = attempts.back();
  std::int64_t saved = 0;
  if (program) {
    saved = program_progress(files, run / "metrics.jsonl").saved_step.value_or(0);
  } else if (const auto steps = checkpoint::committed_steps(files, run); !steps.empty()) {
    saved = steps.back();
  }
  last.ended = true;
  const auto outcome = slurm::read_outcome(files, run, last.number);
  last.end.reason = outcome ? outcome->reason : "killed";
  last.end.last_step = outcome ? outcome->step : 0;
  last.end.saved_step = saved;
}

// Nodes of the allocation that Slurm does not count as working any more.
std::vector<std::string> lost_hosts(const std::string& node_list) {
  const auto answer =
      slurm::output_of(slurm::run_command, {"sinfo", "--noheader", "--Node", "--nodes=" + node_list, "--format=%N %T"});
  std::vector<std::string> lost;
  std::istringstream lines(answer.value_or(""));
  for (std::string host, state; lines >> host >> state;) {
    const bool gone = state.starts_with("down") || state.starts_with("fail") || state.starts_with("powered") ||
                      state.ends_with('*');  // the star: it does not answer
    if (gone) lost.push_back(host);
  }
  return lost;
}

// The nodes that the job was submitted without.
std::vector<std::string> excluded_nodes(const std::string& job_record) {
  const auto records = slurm::parse_records(job_record, "JobId");
  return records.empty() ? std::vector<std::string>() : slurm::expand_hostlist(slurm::field(records[0], "ExcNodeList"));
}

// An attempt that could not even start may have met a node that just died: Slurm needs a while to notice.
void wait_after_failed_starts(int failed_starts) {
  const auto pause = std::chrono::seconds(failed_starts == 1 ? 20 : 60);
  base::print_note(
      str("trireme job: the attempt ended before the training began; the next one starts in ", pause.count(), " s"));
  std::this_thread::sleep_for(pause);
}

std::vector<std::string> working_hosts(const slurm::Situation& situation) {
  std::vector<std::string> hosts = situation.hosts;
  std::erase_if(hosts, [&](const std::string& host) { return std::ranges::count(situation.lost, host) != 0; });
  return hosts;
}

// At the end of the job nobody is left to use what the nodes' own disks or memory hold of the run. A training that
// saved its last step in the run directory has deleted it itself.
void clear_fast_tier(const options::RunOptions& options, const slurm::Situation& situation) {
  const auto& outcome = situation.outcome;
  const bool cleared = outcome && outcome->exit_code != base::kExitFailed && outcome->step == outcome->saved_step;
  if (options.checkpoint.fast_dir.empty() || options.checkpoint.fast_persists.value_or(false) || cleared) return;
  if (situation.attempts.empty()) return;
  const auto hosts = working_hosts(situation);
  if (hosts.empty()) return;
  const int seconds = situation.preempted ? 5 : 30;
  const std::string path =
      fast_directory(options.checkpoint.fast_dir, situation.attempts.front().start.run_id).string();
  const auto done = slurm::run_command(on_each_node(seconds, hosts, {"rm", "-rf", "--", path}));
  if (!done || done->exit_code != 0) {
    base::print_note(str("trireme job: ", path, " may be left on some of the nodes of this job"));
  }
}

// The directories for what MPI leaves on the nodes: this job's from the cluster that it runs on.
NodeScratch own_scratch(const slurm::JobEnvironment& job) {
  // sbatch hands on the TMPDIR of where it was called, which the nodes may not have.
  std::error_code unknown;
  const std::string temporary = slurm::environment_variable("TMPDIR").value_or("");
  const bool here = std::filesystem::is_directory(temporary, unknown);
  return node_scratch(::geteuid(), slurm::environment_variable("SLURM_CLUSTER_NAME").value_or(""), job,
                      here ? temporary : "");
}

// Removes what killed attempts of this job left on the nodes, and makes the directories of the one that starts now.
// False when they are not to be had on all of them: then MPI takes its usual places. A job that is being preempted has
// seconds only.
bool renew_scratch(const NodeScratch& scratch, const std::vector<std::string>& hosts, int attempt) {
  constexpr int kStarting = 15, kLeaving = 5;
  if (hosts.empty() || scratch.session.find('\n') != std::string::npos) return false;
  const auto done =
      slurm::run_command(on_each_node(attempt > 0 ? kStarting : kLeaving, hosts, renewal(scratch, attempt)));
  if (done && done->exit_code == 0) return true;
  base::print_note(str("trireme job: ", scratch.session, ".* and ", scratch.memory,
                       ".*, where killed attempts left MPI's files, ",
                       attempt > 0 ? "cannot be made anew on all nodes" : "may be left on some of the nodes"));
  return false;
}

// The words for where the processes go, and what tells them how they are laid out: lines 3 and 4 of the answer.
std::pair<std::string, std::string> start_of(const slurm::Placement& where, const options::ProgramSection& program,
                                             bool srun) {
  if (!program.given()) return {where.words(srun), str("--parallel.dp=", where.dp)};
  slurm::Placement started = where;
  if (program.launcher == "none") {
    started.hosts.resize(1);
    started.ranks = 1;
  }
  if (program.launcher == "torchrun") {
    started.ranks_per_node = 1;
    started.ranks = std::ssize(where.hosts);
  }
  return {started.words(srun), "--hosts " + base::join(where.hosts, ",")};
}

void print(const slurm::NextStep& next, const std::string& job, const Path& run, int attempt,
           const options::ProgramSection& program, bool srun, const NodeScratch& scratch, double measured) {
  using Kind = slurm::NextStep::Kind;
  base::print_note("trireme job: " + next.why);
  if (next.kind != Kind::kGo) {
    const char* word = next.kind == Kind::kRequeue    ? "requeue"
                       : next.kind == Kind::kResubmit ? "resubmit"
                       : next.kind == Kind::kSlice    ? "slice"
                                                      : "end";
    const std::string more = next.slice ? base::join(next.slice->successor_words(job, next.exclude, measured), " ")
                                        : base::join(next.exclude, ",");
    base::answer_text(str(word, "\n", next.exit_code, "\n", base::printable(more), "\n"));
    return;
  }
  const bool own = !scratch.session.empty();
  const auto [where, layout] = start_of(*next.where, program, srun);
  base::answer_text(str("go\n", attempt, "\n", where, "\n", layout, "\n", own ? str(scratch.session, '.', attempt) : "",
                        "\n", own ? str(scratch.memory, '.', attempt) : "", "\n"));
  // What has that number is from an attempt that never came into the ledger: not of the one that starts now.
  std::error_code ignored;
  std::filesystem::remove(slurm::outcome_file(run, attempt), ignored);
  std::filesystem::remove(slurm::spare_order_file(run, attempt), ignored);
}

// The job's time may be nearly over.
std::optional<slurm::CommandResult> ask_soon(const std::vector<std::string>& words) {
  constexpr double kLimit = 3;
  return slurm::run_command_within(kLimit, words);
}

// In how many seconds a slice would start as a job of this script.
AskSlice starts_in(const std::string& script) {
  if (script.empty()) return {};
  return [script](const slurm::Slice& slice) -> std::optional<double> {
    const auto answer = ask_soon(sbatch_words(slice.words(), {"--test-only"}, script));
    const auto start = answer ? promised_start(answer->error + answer->output) : std::nullopt;
    return start ? std::optional(*start - base::wall_time()) : std::nullopt;
  };
}

int next(const Arguments& arguments) {
  std::string directory, script;
  std::int64_t ranks_per_node = 1, attempt = 0, launcher_exit = -1;
  std::int64_t tried = 0, before = 0, most_nodes = 0, longest = 86400;
  bool requeue = false, submit = false, srun = false, keeps_scratch = false;
  options::CommandLine line("job next", "what the batch script does next: lines for it, a sentence for its log",
                            "trireme job next run.ini --dir runs/bible --ranks-per-node 4 --requeue");
  line.value("dir", directory, "DIR", "the run directory").required();
  line.value("ranks-per-node", ranks_per_node, "R", "of the job").range(1, 4096);
  line.value("attempt", attempt, "N", "that just ended").range(1, 1e9);
  line.value("attempts", tried, "K", "that this job has made since it started").range(0, 1e6);
  line.value("before", before, "N",
             "attempts of the run that do not count: of a sweep's trial, those of earlier workers")
      .range(0, 1e9);
  line.value("launcher-exit", launcher_exit, "CODE", "of mpirun or srun in that attempt").range(0, 255);
  line.value("most-nodes", most_nodes, "N", "of a spare job: that the user's may have together; 0: it is none")
      .range(0, 1e6);
  line.value("longest", longest, "SECONDS", "of a spare job: that it may ask for").range(60, 1e9);
  line.value("script", script, "FILE", "of a spare job: its batch script");
  line.flag("requeue", requeue, "the job may be requeued");
  line.flag("may-submit", submit, "the script may submit a new job");
  line.flag("srun", srun, "ranks are started by srun, not mpirun");
  line.flag("own-scratch", keeps_scratch, "Open MPI's files on the nodes lie in directories of this job");
  const options::RunArguments run_arguments(line, options::Listing::kAside);
  if (!line.parse(arguments)) return base::kExitDone;
  const slurm::JobEnvironment job = slurm::read_job_environment();
  if (!job.in_job())
    throw base::InputError("trireme job next works inside a Slurm job only: its batch script calls it");

  base::PosixFileSystem files;
  const Path run = directory;
  const options::RunOptions options = run_arguments.load();
  slurm::Situation situation;
  situation.attempts = slurm::read_attempts(files, run / "attempts.jsonl");
  const int following = slurm::next_number(situation.attempts);
  complete(files, run, options.program.given(), situation.attempts);
  situation.finished = is_finished(files, run, situation.attempts, options);
  // A program need not tell of its steps.
  const slurm::MeasuredSeconds measured = options.program.given()
                                              ? slurm::last_measured(situation.attempts)
                                              : measured_so_far(situation.attempts, base::wall_time());
  // A new submission is a new beginning: what failed in an earlier job does not count.
  std::erase_if(situation.attempts, [&](const slurm::Attempt& one) {
    return one.number <= before || !slurm::is_of_job(one.start, job.job_id, job.cluster);
  });
  situation.stopped = slurm::find_request(files, run, slurm::Wish::kStop).has_value();
  if (launcher_exit >= 0) {
    situation.launcher_exit = static_cast<int>(launcher_exit);
    situation.outcome = slurm::read_outcome(files, run, static_cast<int>(attempt));
    situation.slice = slurm::read_spare_order(files, run, static_cast<int>(attempt));
  }
  const auto recorded = std::ranges::count_if(
      situation.attempts, [&](const slurm::Attempt& one) { return one.start.restart_count == job.restart_count; });
  situation.failed_starts = static_cast<int>(tried - recorded);
  situation.restart_count = job.restart_count;
  const double now = base::wall_time();
  if (const auto end = current_job_end(now)) {
    situation.seconds_left = *end - now;
  }
  situation.seconds_needed = needed_seconds(options, situation.attempts);
  situation.may_requeue = requeue;
  situation.may_submit = submit;
  const std::string record = slurm::output_of(slurm::run_command, slurm::show_job(job.job_id)).value_or("");
  situation.job_known = !record.empty();
  situation.preempted = slurm::says_preempted(record);
  if (most_nodes > 0 && !situation.slice && slurm::may_go_on_elsewhere(situation)) {
    auto needs = spare_needs(layout_needs(options), ranks_per_node, options.slurm.min_nodes, most_nodes, measured);
    needs.time_limit = static_cast<double>(longest);
    situation.slice = next_slice(needs, own_place(job, longest, most_nodes), job.job_id, base::user_name(::geteuid()),
                                 ask_soon, base::wall_time(), starts_in(script));
  }
  situation.excluded = excluded_nodes(record);
  situation.hosts = slurm::expand_hostlist(job.node_list);
  situation.lost = lost_hosts(job.node_list);
  situation.ranks_per_node = ranks_per_node;
  situation.needs = layout_needs(options);
  slurm::NextStep decided = slurm::decide(situation);
  if (decided.kind == slurm::NextStep::Kind::kGo && situation.failed_starts > 0) {
    wait_after_failed_starts(situation.failed_starts);
    situation.lost = lost_hosts(job.node_list);
    decided = slurm::decide(situation);
  }
  NodeScratch scratch = keeps_scratch ? own_scratch(job) : NodeScratch{};
  const bool goes = decided.kind == slurm::NextStep::Kind::kGo;
  if (!goes) {
    try {
      clear_fast_tier(options, situation);
    } catch (const base::InputError& error) {  // the job ends all the same
      base::print_warning(str("nothing was deleted on the nodes: ", error.what()));
    }
  }
  if (keeps_scratch &&
      !renew_scratch(scratch, goes ? decided.where->hosts : working_hosts(situation), goes ? following : 0)) {
    scratch = {};
  }
  print(decided, job.job_id, run, following, options.program, srun, scratch, stop_seconds(files, options, run));
  return base::kExitDone;
}

int directory(const Arguments& arguments) {
  options::CommandLine line("job directory", "prints where a run file's run lies, for batch scripts",
                            "trireme job directory run.ini --run.name=second");
  const options::RunArguments run_arguments(line, options::Listing::kAside);
  if (!line.parse(arguments)) return base::kExitDone;
  base::answer_content(std::filesystem::absolute(run_arguments.load().run.dir).lexically_normal().string() + '\n');
  return base::kExitDone;
}

}  // namespace

int job_command(const Arguments& arguments) {
  return options::run_subcommand(
      "job", "trireme job next run.ini --dir runs/bible --ranks-per-node 4 --requeue",
      {{"next", "what the batch script does next", next},
       {"directory", "where a run file's run lies", directory},
       {"start", "starts a [program] run's next attempt and looks after it", job_start_command},
       {"rank", "starts one rank's process of a [program] run", job_rank_command},
       {"trial", "takes a sweep's next trial for a batch script", job_trial_command},
       {"spare", "watches the cluster for a spare job while its ranks compute", job_spare_command},
       {"signal", "sends a signal to a [program] run's processes on this node", job_signal_command}},
      arguments);
}

}  // namespace trireme::launcher
