// trireme submit RUN.ini: from a run file to a job in the queue.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/own_program.hpp"
#include "base/user_name.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/run_directory/metrics_log.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/run_directory/submission_record.hpp"
#include "launcher/submission/resubmission.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/submission/sbatch.hpp"
#include "launcher/submission/script_plan.hpp"
#include "launcher/submission/spare_choice.hpp"
#include "launcher/submission/submission.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/queue.hpp"
#include "slurm/site/site_facts.hpp"
#include "slurm/submit/settings.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;
using slurm::run_command;

struct Line {
  std::string site_file;
  bool dry_run = false, soonest = false, spare = false;
  std::int64_t chain = 1, at_once = 0;
  options::CommandLine line;
  options::RunArguments run;

  Line()
      : line("submit", "checks a run file, writes its batch script into the run directory and submits it",
             "trireme submit run.ini\ntrireme submit run.ini --dry-run --site site.ini\ntrireme submit a.ini b.ini "
             "c.ini"),
        run((declare(), line), options::Listing::kAside, 1000) {}

 private:
  void declare() {
    options::declare_site(line, site_file, "the cluster's facts and needs (trireme doctor --site-out)");
    line.flag("dry-run", dry_run, "print the batch script and submit nothing");
    line.value("chain", chain, "N", "jobs that follow each other: each goes on where the one before ended")
        .range(1, 100);
    line.flag("soonest", soonest, "ask the queue about other numbers of nodes too, and take what is done first");
    line.flag("spare", spare,
              "compute on what stands idle, where others preempt it: at most slurm.nodes nodes; the run grows and "
              "shrinks with "
              "them");
    line.value("at-once", at_once, "K", "tasks of a job array that run at the same time; 0: all").range(0, 1e6);
  }
};

SpareRun spare_run(base::FileSystem& files, const options::RunOptions& options) {
  const auto attempts = slurm::read_attempts(files, Path(options.run.dir) / "attempts.jsonl");
  return {request_of(options), layout_needs(options), slurm::last_measured(attempts), base::user_name(::geteuid())};
}

slurm::ScriptPlan make_plan(base::FileSystem& files, const Line& command, const slurm::Site& site,
                            std::vector<options::RunOptions>& all) {
  slurm::ScriptPlan plan;
  std::set<std::string> directories;
  for (std::size_t i = 0; i < command.run.files().size(); ++i) {
    std::vector<std::string> notes;
    all.push_back(command.run.load(i, &notes));
    const options::RunOptions& options = all.back();
    const Path directory = std::filesystem::absolute(options.run.dir).lexically_normal();
    plan.runs.push_back(
        {options.run.name, std::filesystem::absolute(command.run.files()[i]).string(), directory.string()});
    if (!directories.insert(directory.string()).second) {
      throw base::InputError(
          str("two of the runs have the run directory ", directory.string(), ": set run.dir or run.name"));
    }
    if (i == 0) {
      plan.request = command.spare ? smallest_spare(spare_run(files, options), site) : request_of(options);
      plan.geometry = slurm::plan_geometry(plan.request, site);
    }
    const auto more = check_run(files, options, plan.geometry.ranks(), plan.geometry.gpus_per_node > 0);
    notes.insert(notes.end(), more.begin(), more.end());
    for (const std::string& note : notes) base::print_note("note: " + note);
  }
  if (plan.runs.size() > 1 &&
      static_cast<std::int64_t>(plan.runs.size()) > std::max<std::int64_t>(0, site.max_array_size)) {
    throw base::InputError(
        str(plan.runs.size(), " runs are more than the ", site.max_array_size, " tasks of a job array here"));
  }
  plan.at_once = command.at_once;
  plan.program = base::own_program().string();
  plan.work_directory = std::filesystem::current_path().string();
  plan.log_directory = (Path(plan.runs[0].run_directory) / "logs").string();
  for (const auto& [key, value] : command.run.overrides()) {
    if (key != "run.dir")
      plan.overrides.push_back(str("--", key, "=", value));  // the script names the directory itself
  }
  for (const std::string& word : site_overrides(all, site)) plan.overrides.push_back(word);
  if (const std::string tree = team_tree_of(all, command.run.overrides()); !tree.empty()) {
    plan.overrides.push_back("--data.tree=" + tree);
  }
  if (command.spare && all[0].slurm.spare_seconds < site.queue_seconds) {
    plan.overrides.push_back(str("--slurm.spare_seconds=", site.queue_seconds));
  }
  choose_starter(all, site, plan);
  plan.measured = stop_seconds(files, all[0], plan.runs[0].run_directory);
  plan.mpirun_grace = slurm::mpirun_grace(plan.request, site, plan.measured);
  plan.requeue = slurm::may_requeue(plan.request) && command.chain < 2;
  refuse_mpirun_without_slurm(plan, site);
  return plan;
}

Path write_script(base::FileSystem& files, const slurm::ScriptPlan& plan, const slurm::Site& site) {
  const std::string text = slurm::batch_script(plan, site);  // refuses before anything is made
  for (const slurm::ScriptRun& run : plan.runs) files.create_directories(Path(run.run_directory) / "logs");
  Path script = Path(plan.runs[0].run_directory) / kBatchScript;
  files.replace(script, text);
  return script;
}

// What the rest of the training takes on the ranks of its last attempt, as its metrics tell; else the time limit.
std::pair<double, std::int64_t> rest_of(base::FileSystem& files, const options::RunOptions& options,
                                        const slurm::ScriptPlan& plan) {
  const auto pace = slurm::last_pace(slurm::read_attempts(files, Path(plan.runs[0].run_directory) / "attempts.jsonl"));
  if (!pace || options.program.given()) return {static_cast<double>(plan.geometry.seconds), plan.geometry.ranks()};
  const auto left = std::max<std::int64_t>(0, options::length_in_steps(options) - pace->saved_step);
  return {pace->seconds_per_step * static_cast<double>(left), pace->ranks};
}

// Chooses the number of nodes with which the run is done first, as the queue and the planned speed say.
void choose_soonest(base::FileSystem& files, const options::RunOptions& options, const slurm::Site& site,
                    const Path& script, slurm::ScriptPlan& plan) {
  constexpr std::size_t kMostQuestions = 8;
  const std::vector<std::string> settings = slurm::job_settings(plan, site);
  const slurm::Partition& partition = slurm::requested_partition(plan.request, site);
  const slurm::LayoutNeeds needs = layout_needs(options);
  const auto [seconds, ranks] = rest_of(files, options, plan);
  const double now = base::wall_time();
  std::vector<std::vector<std::string>> rows = {{"nodes", "starts in", "runs", "done in"}};
  double best = 0;
  std::int64_t chosen = plan.geometry.nodes;
  bool first = true;
  for (const std::int64_t nodes : candidate_nodes(
           plan.geometry.nodes, plan.geometry.ranks_per_node,
           std::min(partition.max_nodes.value_or(partition.nodes), partition.nodes), needs, kMostQuestions)) {
    if (!first) std::this_thread::sleep_for(std::chrono::seconds(1));  // sbatch is a busy service
    first = false;
    const auto answer = run_command(sbatch_words(settings, {"--test-only", str("--nodes=", nodes)}, script));
    const auto start = answer ? promised_start(answer->error + answer->output) : std::nullopt;
    const double runs = planned_seconds(seconds, ranks, nodes * plan.geometry.ranks_per_node, needs);
    if (!start) {
      rows.push_back({std::to_string(nodes), "not known", format_duration(runs), ""});
      continue;
    }
    const double waits = std::max(0.0, *start - now);
    rows.push_back(
        {std::to_string(nodes), format_duration(waits), format_duration(runs), format_duration(waits + runs)});
    if (best == 0 || waits + runs < best) {
      best = waits + runs;
      chosen = nodes;
    }
  }
  base::answer_text(format_table(rows, {.right = {0, 1, 2, 3}}));
  base::answer(str("takes ", chosen, " nodes; speed is taken to be in proportion to the ranks"));
  slurm::JobRequest request = plan.request;
  request.nodes = chosen;
  request.min_nodes = std::min(request.min_nodes, chosen);
  plan.geometry = slurm::plan_geometry(request, site);
}

// Chooses a slice of what stands idle, as long as nobody waits for it.
void take_spare(base::FileSystem& files, const options::RunOptions& options, const slurm::Site& site,
                const Path& script, slurm::ScriptPlan& plan) {
  const SpareRun wanted = spare_run(files, options);
  const auto with = [&](const slurm::JobRequest& request) {
    slurm::ScriptPlan changed = plan;
    changed.request = request;
    changed.spare = slurm::ScriptSpare{};  // its jobs differ in size
    changed.geometry = slurm::plan_geometry(request, site);
    choose_starter({options}, site, changed);
    changed.mpirun_grace = slurm::mpirun_grace(request, site, plan.measured);
    return changed;
  };
  const auto ask = [&](const slurm::JobRequest& request) -> StartAnswer {
    std::this_thread::sleep_for(std::chrono::seconds(1));  // sbatch is a busy service
    const auto answer = run_command(sbatch_words(slurm::job_settings(with(request), site), {"--test-only"}, script));
    if (!answer) throw base::Error("there is no sbatch here: submit on the cluster's login node");
    const auto start = promised_start(answer->error + answer->output);
    if (!start) return {std::nullopt, refusal_of(*answer)};
    return {*start - base::wall_time()};
  };
  const SpareChoice choice = choose_spare(
      wanted, site, [](const std::vector<std::string>& words) { return run_command(words); }, base::wall_time(), ask);
  plan = with(spare_request(wanted.request, choice.slice));
  plan.spare = slurm::ScriptSpare{choice.most_nodes, choice.longest};
  base::answer(str("spare     ", choice.slice.nodes, " of at most ", options.slurm.nodes, " node(s) of partition ",
                   choice.slice.place.partition, " for ", format_duration(static_cast<double>(choice.slice.seconds)),
                   choice.starts_now ? "" : ": nothing is idle for long enough now, so it waits for a hole", " (",
                   choice.questions, " questions to Slurm)"));
}

void name_finished_runs(base::FileSystem& files, const slurm::ScriptPlan& plan,
                        const std::vector<options::RunOptions>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Path run = plan.runs[i].run_directory;
    const auto attempts = slurm::read_attempts(files, run / "attempts.jsonl");
    if (!is_finished(files, run, attempts, all[i])) continue;
    const char* more = all[i].program.given()                           ? "change program.command or program.params"
                       : slurm::ended_early(attempts.back().end.reason) ? "change --train.stop_when"
                       : all[i].train.tokens > 0                        ? "ask for more: --train.tokens"
                                                                        : "ask for more: --train.steps";
    base::print_note(str("note: the run in ", run.string(), " is done already, at step ", attempts.back().end.last_step,
                         ": its job will end as soon as it starts. To train on, ", more));
  }
}

std::string starter_text(const slurm::ScriptPlan& plan) {
  if (plan.program_run) return plan.program_run->launcher == "none" ? "one process" : plan.program_run->launcher;
  return plan.launcher == slurm::Launcher::kSrun ? "srun --mpi=pmix" : "mpirun";
}

void tell(const slurm::ScriptPlan& plan, const slurm::Site& site, const Path& script, const std::string& job) {
  std::string start = "when the queue lets it";
  const auto expected =
      slurm::output_of(run_command, {"squeue", "--noheader", "--start", "--jobs=" + job, "--format=%S"});
  if (expected && expected->size() > 4 && !expected->starts_with("N/A"))
    start = "about " + expected->substr(0, expected->find('\n'));
  const auto shares = site.accounting ? slurm::read_fair_shares(run_command) : std::nullopt;
  const std::string& directory = plan.runs[0].run_directory;
  base::answer(str("job       ", job, ": ", plan.geometry.nodes, " node(s) x ", plan.geometry.ranks_per_node,
                   " rank(s), ", starter_text(plan), ", ", plan.requeue ? "comes back by itself" : "no requeue"));
  base::answer("starts    " + start);
  base::answer("price     " + price_text(plan, site, shares));
  base::answer("script    " + script.string());
  base::answer(str("follow    tail -F ", plan.log_directory, "/job.", job, plan.runs.size() > 1 ? "_0" : "", ".log"));
  base::answer(str("          trireme stop ", directory, "   saves and ends it"));
}

// 0 where another model's sizes decide (what the run starts from says how many tokens a step has), and for a program.
std::int64_t asked_steps(const options::RunOptions& options) {
  if (options.program.given()) return 0;
  return options.train.steps > 0 || options.model.init_from.empty() ? options::length_in_steps(options) : 0;
}

// For the next submit and for resume, which do not queue a run twice, and for who asks which runs read a dataset: the
// run directory has no run.ini before the job starts.
void keep(base::FileSystem& files, const slurm::ScriptPlan& plan, const std::vector<std::string>& jobs,
          const std::vector<options::RunOptions>& runs) {
  const std::string cluster = slurm::cluster_name(run_command, slurm::read_job_environment().cluster);
  for (std::size_t task = 0; task < plan.runs.size(); ++task) {
    std::vector<std::string> own = jobs;
    if (plan.runs.size() > 1) {
      for (std::string& job : own) job += str('_', task);
    }
    keep_submission(files, plan.runs[task].run_directory,
                    {own, cluster, plan.runs.size() > 1 ? "trireme" : plan.runs[0].name, plan.work_directory,
                     asked_steps(runs[task]), runs[task].data.train, runs[task].data.valid, runs[task].data.tree});
  }
}

}  // namespace

int submit_command(const Arguments& arguments) {
  Line command;
  if (!command.line.parse(arguments)) return base::kExitDone;
  if (command.dry_run && command.soonest) {
    throw base::InputError("--soonest asks the queue and --dry-run asks nobody: give one of them");
  }
  if (command.spare && (command.dry_run || command.soonest || command.run.files().size() > 1)) {
    throw base::InputError("--spare takes one run file, and neither --dry-run, which asks nobody, nor --soonest");
  }
  base::PosixFileSystem files;
  const slurm::Site site = site_of(command.site_file, command.dry_run);
  std::vector<options::RunOptions> all;
  slurm::ScriptPlan plan = make_plan(files, command, site, all);
  name_ignored_variables();
  for (const std::string& warning : submission_warnings(plan, site, command.chain)) {
    base::print_warning(warning);
  }
  if (command.dry_run) {
    base::answer_content(slurm::batch_script(plan, site));
    return base::kExitDone;
  }
  check_resubmission(files, plan, run_command);
  name_finished_runs(files, plan, all);
  Path script = write_script(files, plan, site);
  if (command.soonest) {
    choose_soonest(files, all[0], site, script, plan);
    for (const options::RunOptions& options : all) {
      check_run(files, options, plan.geometry.ranks(), plan.geometry.gpus_per_node > 0);
    }
    script = write_script(files, plan, site);
  }
  if (command.spare) {
    take_spare(files, all[0], site, script, plan);
    check_run(files, all[0], plan.geometry.ranks(), plan.geometry.gpus_per_node > 0);
    script = write_script(files, plan, site);
  }
  const std::vector<std::string> settings = slurm::job_settings(plan, site);
  std::vector<std::string> jobs = {submit_script(settings, {}, script)};
  tell(plan, site, script, jobs.front());
  for (std::int64_t link = 2; link <= command.chain; ++link) {
    jobs.push_back(submit_script(settings, {after(jobs.back())}, script));
    base::answer(str("then      job ", jobs.back(), ", after the one before has ended for whatever reason"));
  }
  keep(files, plan, jobs, all);
  return base::kExitDone;
}

}  // namespace trireme::launcher
