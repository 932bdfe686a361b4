#include "launcher/commands/sweep_submit.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/own_program.hpp"
#include "launcher/submission/queue.hpp"
#include "launcher/submission/resubmission.hpp"
#include "launcher/submission/run_check.hpp"
#include "launcher/submission/sbatch.hpp"
#include "launcher/submission/script_plan.hpp"
#include "launcher/submission/submission.hpp"
#include "launcher/sweep/parked_jobs.hpp"
#include "launcher/sweep/shapes.hpp"
#include "launcher/sweep/sweep_directory.hpp"
#include "launcher/sweep/sweep_jobs.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/site/accounting_text.hpp"
#include "slurm/submit/batch_script.hpp"
#include "slurm/submit/settings.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

// Trials that share a script, and the script.
struct ShapeJobs {
  TrialShape shape;
  slurm::ScriptPlan plan;
};

class Planner {
 public:
  Planner(base::FileSystem& files, const SweepSubmission& submission, slurm::Site site)
      : files_(files), submission_(submission), site_(std::move(site)), measured_(measured()) {}

  std::vector<ShapeJobs> plan() const {
    const auto& trials = submission_.trials;
    std::vector<ShapeJobs> jobs;
    const auto key = [&](std::size_t trial) { return slurm::batch_script(plan_of(trials[trial].options), site_); };
    for (TrialShape& shape : shapes_of(trials.size(), key)) {
      slurm::ScriptPlan plan = plan_of(trials[shape.trials.front()].options);
      jobs.push_back({std::move(shape), std::move(plan)});
    }
    share(jobs);
    for (const ShapeJobs& one : jobs) check_trials(one);
    return jobs;
  }

 private:
  slurm::ScriptPlan plan_of(const options::RunOptions& options) const {
    const Path directory = std::filesystem::absolute(submission_.file.settings.dir).lexically_normal();
    slurm::ScriptPlan plan;
    plan.runs = {{sweep_job_name(submission_.file.settings.name, 0), "", directory.string()}};
    plan.sweep = slurm::ScriptSweep{directory.string()};
    plan.sweep->queue_seconds = std::max(options.slurm.queue_seconds, site_.queue_seconds);
    plan.program = base::own_program().string();
    plan.work_directory = std::filesystem::current_path().string();
    plan.log_directory = (directory / "logs").string();
    plan.overrides = site_overrides({options}, site_);
    plan.request = request_of(options);
    plan.geometry = slurm::plan_geometry(plan.request, site_);
    choose_starter({options}, site_, plan);
    plan.measured = options.program.given() ? static_cast<double>(options.program.stop_seconds) : measured_;
    plan.mpirun_grace = slurm::mpirun_grace(plan.request, site_, plan.measured);
    plan.requeue = slurm::may_requeue(plan.request);
    refuse_mpirun_without_slurm(plan, site_);
    return plan;
  }

  // What trials of an earlier call took from a notice to their end.
  double measured() const {
    double most = 0;
    if (submission_.file.base.program.given()) return most;
    for (const SweepTrial& trial : submission_.trials) {
      if (!files_.exists(Path(trial.options.run.dir) / "attempts.jsonl")) continue;
      most = std::max(most, stop_seconds(files_, trial.options, trial.options.run.dir));
    }
    return most;
  }

  void share(std::vector<ShapeJobs>& jobs) const {
    constexpr std::int64_t kUsual = 8;
    std::vector<TrialShape> shapes;
    for (const ShapeJobs& one : jobs) shapes.push_back(one.shape);
    const std::int64_t usual = std::max(kUsual, std::ssize(jobs));
    const auto shares = share_workers(submission_.max_running > 0 ? submission_.max_running : usual, shapes);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      slurm::ScriptPlan& plan = jobs[i].plan;
      const auto number = static_cast<std::int64_t>(i);
      if (jobs.size() > 1 && !plan.requeue) {
        throw base::InputError(str("the trials need ", jobs.size(), " kinds of jobs, which wait for each other in the ",
                                   "queue: take --no-requeue out of slurm.extra"));
      }
      plan.runs[0].name = sweep_job_name(submission_.file.settings.name, number);
      plan.sweep->shape = number;
      plan.sweep->parks = jobs.size() > 1;
      // A task that cannot come back after its time limit is followed by another one.
      const std::int64_t most = plan.requeue ? shares[i] : std::ssize(jobs[i].shape.trials);
      plan.sweep->tasks = std::max(shares[i], std::min(most, site_.max_array_size));
      plan.at_once = shares[i];
      if (site_.max_array_size < 1) {
        throw base::InputError("this cluster takes no job arrays (MaxArraySize): submit trials one by one, or --local");
      }
      if (plan.sweep->tasks > site_.max_array_size) {
        throw base::InputError(str(plan.sweep->tasks, " tasks are more than the ", site_.max_array_size,
                                   " of a job array here: give a smaller --max-running"));
      }
    }
  }

  void check_trials(const ShapeJobs& jobs) const {
    for (const std::size_t trial : jobs.shape.trials) {
      try {
        (void)check_run(files_, submission_.trials[trial].options, jobs.plan.geometry.ranks(),
                        jobs.plan.geometry.gpus_per_node > 0);
      } catch (const base::InputError& error) {
        throw base::InputError(str("trial ", trial, ": ", error.what()));
      }
    }
  }

  base::FileSystem& files_;
  const SweepSubmission& submission_;
  const slurm::Site site_;
  const double measured_;
};

slurm::Site cluster_of(const SweepSubmission& submission) {
  try {
    return site_of(submission.site, submission.dry_run);
  } catch (const base::InputError&) {
    throw;
  } catch (const base::Error& error) {
    throw base::Error(str(error.what(), "; --local runs the trials on this machine"));
  }
}

std::string size_text(const slurm::ScriptPlan& plan) {
  return str(plan.geometry.nodes, " node(s) x ", plan.geometry.ranks_per_node, " rank(s)");
}

Path script_path(const Path& directory, std::int64_t shape) {
  return directory / (shape == 0 ? std::string(kBatchScript) : str("submit.", shape, ".sbatch"));
}

// Tasks of an earlier call that are in the queue still.
std::int64_t tasks_in_queue(const std::vector<KnownJob>& queue, const ShapeJobs& jobs) {
  return std::ranges::count_if(queue, [&](const KnownJob& job) {
    return is_in_queue(job) && job.name == jobs.plan.runs[0].name && job.directory == jobs.plan.work_directory;
  });
}

std::vector<KnownJob> jobs_in_queue(const std::vector<ShapeJobs>& jobs) {
  const auto answer = slurm::output_of(slurm::run_command, known_jobs_command(submitters_of(jobs[0].plan.runs)));
  if (!answer) {
    throw base::Error("squeue does not answer, so which jobs the sweep has already is not known: try again");
  }
  return parse_known_jobs(*answer);
}

// Tasks of an earlier call that are held count as there: they must be able to start.
void release_held_tasks(base::FileSystem& files, const SweepState& state) {
  const auto mine = my_queue(files, 0);
  if (!mine) return;
  for (const HeldJob& held : release_held(jobs_of_sweep(mine->jobs, state.header), state, slurm::run_command)) {
    const std::string what = str("job ", held.job.id, ", held (", held.job.reason, ")");
    if (held.released) {
      base::answer(str("released  ", what));
    } else {
      base::print_warning(str(what, ", cannot be released: scontrol release ", held.job.id, " says why"));
    }
  }
}

void submit(base::FileSystem& files, const slurm::Site& site, ShapeJobs& jobs, std::int64_t there) {
  const Path directory = jobs.plan.sweep->directory;
  const Path script = script_path(directory, jobs.plan.sweep->shape);
  const std::string former = files.exists(script) ? files.read_all(script) : "",
                    text = slurm::batch_script(jobs.plan, site);
  files.replace(script, text);
  if (there > 0) {
    if (!former.empty() && settings_differ(former, text)) {
      base::print_warning(str(there, " task(s) keep their former settings: to change them, trireme sweep stop ",
                              directory.string(), ", then call again"));
    }
    jobs.plan.at_once -= there;
    jobs.plan.sweep->tasks -= there;
  }
  const std::string waits = there > 0 ? str(" (", there, " of an earlier call are in the queue)") : "";
  if (jobs.plan.at_once <= 0) {
    base::answer(str("jobs      no more for ", size_text(jobs.plan), waits));
    return;
  }
  const std::string job = submit_script(slurm::job_settings(jobs.plan, site), {}, script);
  base::answer(str("job       ", job, ": ", jobs.plan.sweep->tasks, " task(s), ", jobs.plan.at_once,
                   " at a time, each of ", size_text(jobs.plan), ", for ", jobs.shape.trials.size(), " trial(s)",
                   waits));
  base::answer("price     " + price_text(jobs.plan, site, std::nullopt) + ", for each task");
  base::answer(str("follow    tail -F ", jobs.plan.log_directory, "/job.", job, "_0.log"));
}

// What an hour of a trial costs, on average over all trials.
std::optional<double> billing_per_hour(const std::vector<ShapeJobs>& jobs, const slurm::Site& site) {
  std::vector<std::int64_t> trials;
  std::vector<std::optional<double>> prices;
  for (const ShapeJobs& one : jobs) {
    trials.push_back(std::ssize(one.shape.trials));
    prices.push_back(slurm::billing_per_hour(one.plan.geometry, slurm::requested_partition(one.plan.request, site),
                                             site.billing_takes_largest));
  }
  return mean_price(trials, prices);
}

void print_scripts(const std::vector<ShapeJobs>& jobs, const slurm::Site& site) {
  for (const ShapeJobs& one : jobs) {
    base::answer("");
    base::answer(str(one.plan.sweep->tasks, " task(s) of ", size_text(one.plan), " for ", one.shape.trials.size(),
                     " trial(s):"));
    base::answer("");
    base::answer_content(slurm::batch_script(one.plan, site));
  }
}

}  // namespace

void print_sweep_plan(const SweepState& planned, const KnownPace& pace, bool json) {
  if (json) {
    base::answer_json(
        {{"name", planned.header.name},
         {"rungs", planned.header.plan.rungs},
         {"metric", planned.header.metric},
         {"full_steps", planned.header.steps() * static_cast<std::int64_t>(planned.header.trials)},
         {"expected_steps", expected_steps(planned.header.plan, static_cast<std::int64_t>(planned.header.trials))},
         {"trials", trials_json(planned, {})}});
    return;
  }
  base::answer_text(trials_table(planned, {}));
  base::answer_text("\n" + plan_text(planned.header, pace));
}

int submit_sweep(base::FileSystem& files, SweepSubmission submission) {
  const SweepFile& file = submission.file;
  const slurm::Site site = cluster_of(submission);
  std::vector<ShapeJobs> jobs = Planner(files, submission, site).plan();
  const slurm::ScriptPlan& first = jobs.front().plan;
  // Results do not depend on the layout: a sweep that was begun with other ranks goes on.
  const SweepState there = read_sweep(files, file.settings.dir);
  const std::int64_t ranks = there.begun()               ? there.header.ranks
                             : file.base.program.given() ? 1
                                                         : first.geometry.ranks();
  SweepState planned = planned_state(file, submission.trials, ranks, first.work_directory);
  for (const ShapeJobs& one : jobs) {
    for (const std::size_t trial : one.shape.trials) planned.trials[trial].shape = one.plan.sweep->shape;
  }
  submission.pace.billing_per_hour = billing_per_hour(jobs, site);
  print_sweep_plan(planned, submission.pace, submission.json);
  if (submission.dry_run) {
    if (!submission.json) print_scripts(jobs, site);
    return base::kExitDone;
  }
  base::finish_answers();
  name_ignored_variables();
  for (const std::string& warning : submission_warnings(first, site, 1)) base::print_warning(warning);

  const auto queue = jobs_in_queue(jobs);
  SweepDirectory sweep(files, file.settings.dir, real_sweep_world());
  submission.start.has_shapes = true;
  start_sweep(files, sweep, file, submission.trials, planned, submission.start);
  const SweepState begun = sweep.read();
  if (decide(begun.header.plan, begun.asha_trials()).kind == AshaDecision::Kind::kDone) {
    base::answer(str("the sweep is done: trireme sweep best ", sweep.path().string()));
    return base::kExitDone;
  }
  files.create_directories(first.log_directory);
  base::answer("");
  release_held_tasks(files, begun);
  for (ShapeJobs& one : jobs) submit(files, site, one, tasks_in_queue(queue, one));
  const std::string directory = sweep.path().string();
  base::answer(str("          trireme sweep status ", directory, "   shows trials and jobs"));
  base::answer(str("          trireme sweep stop ", directory, "   saves and ends it; to go on: ", submission.again));
  return base::kExitDone;
}

}  // namespace trireme::launcher
