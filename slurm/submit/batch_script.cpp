#include "slurm/submit/batch_script.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/preemption.hpp"

namespace trireme::slurm {
namespace {

using base::str;

// Whether preempted jobs get SIGTERM and time, which ends mpirun's daemons.
bool noticed_by_term(const Wishes& wishes, const Site& site) {
  const Preemption preemption = preemption_of(site, wished_partition(wishes, site), wishes.qos);
  const bool ends = preemption.mode == PreemptMode::kRequeue || preemption.mode == PreemptMode::kCancel;
  return ends && preemption.grace > 0 && !site.send_user_signal;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = text.find_first_not_of(' '); begin != std::string::npos;) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(' ', end);
  }
  return words;
}

// A value of an #SBATCH line: in double quotes where it has spaces or signs that sbatch reads.
std::string quoted(const std::string& value) {
  if (value.find_first_of(" \t\"\\'#") == std::string::npos) return value;
  return '"' + replaced(replaced(value, "\\", "\\\\"), "\"", "\\\"") + '"';
}

// Where the last job of a run may be replaced by a new one.
bool may_submit(const ScriptPlan& plan, const Site& site) { return plan.requeue && site.submit_from_nodes == true; }

bool elastic(const ScriptPlan& plan) { return plan.geometry.min_nodes < plan.geometry.nodes; }

std::string directives(const ScriptPlan& plan, const Site& site) {
  const Wishes& wishes = plan.wishes;
  const Geometry& geometry = plan.geometry;
  std::string text;
  const auto add = [&](const auto&... parts) { text += str("#SBATCH ", parts..., "\n"); };
  const bool array = plan.runs.size() > 1;
  add("--job-name=", quoted(array ? "trireme" : plan.runs[0].name));
  add("--chdir=", quoted(plan.work_directory));
  if (array) add("--array=0-", plan.runs.size() - 1, plan.at_once > 0 ? str('%', plan.at_once) : "");
  if (elastic(plan)) {
    // Slurm would fix the number of tasks, and with it of nodes, at the first start: whole nodes instead.
    add("--nodes=", geometry.min_nodes, "-", geometry.nodes);
    add("--exclusive");
  } else {
    add("--nodes=", geometry.nodes);
    add("--ntasks-per-node=", geometry.ranks_per_node);
    add("--cpus-per-task=", geometry.cpus_per_task);
  }
  add("--mem=", geometry.mem);
  if (geometry.gpus_per_node > 0) {
    const std::string request = !wishes.gpu_request.empty() ? wishes.gpu_request
                                : !site.gpu_request.empty() ? site.gpu_request
                                                            : "--gpus-per-node={gpus}";
    add(replaced(request, "{gpus}", std::to_string(geometry.gpus_per_node)));
  }
  add("--time=", format_slurm_duration(geometry.seconds));
  if (!wishes.partition.empty()) add("--partition=", quoted(wishes.partition));
  const std::string account = wishes.account.empty() ? site.account : wishes.account;
  if (!account.empty()) add("--account=", quoted(account));
  if (!wishes.qos.empty()) add("--qos=", quoted(wishes.qos));
  if (!wishes.constraint.empty()) add("--constraint=", quoted(wishes.constraint));
  for (const std::string& word : words_of(wishes.extra)) add(word);
  add(plan.requeue ? "--requeue" : "--no-requeue");
  add("--open-mode=append");
  add("--output=", quoted(replaced(plan.log_directory, "%", "%%") + (array ? "/job.%A_%a.log" : "/job.%j.log")));
  // Slurm may send it up to a minute early, so a job of a few minutes does without; the training itself watches the
  // time limit and stops later.
  constexpr std::int64_t kShort = 300;
  const double most = plan.measured > 0 ? std::clamp(2 * plan.measured + 30, 60.0, 600.0) : 300.0;
  if (geometry.seconds >= kShort) {
    add("--signal=B:USR1@", std::clamp<std::int64_t>(geometry.seconds / 20, 10, static_cast<std::int64_t>(most)));
  }
  if (geometry.nodes > 1)
    text += "# A lost node does not end the others: the script goes on without it.\n#SBATCH --no-kill\n";
  return text;
}

std::string assignments(const ScriptPlan& plan) {
  if (plan.runs.size() == 1) {
    return str("run_file=", shell_word(plan.runs[0].run_file), "\nrun_dir=", shell_word(plan.runs[0].run_directory),
               "\n");
  }
  std::string files, directories;
  for (const ScriptRun& run : plan.runs) {
    files += str("  ", shell_word(run.run_file), "\n");
    directories += str("  ", shell_word(run.run_directory), "\n");
  }
  return str("run_files=(\n", files, ")\nrun_dirs=(\n", directories,
             ")\nrun_file=${run_files[$SLURM_ARRAY_TASK_ID]}\nrun_dir=${run_dirs[$SLURM_ARRAY_TASK_ID]}\n");
}

std::string launch_line(const ScriptPlan& plan, const Site& site) {
  std::string line = "  ";
  if (plan.launcher == Launcher::kSrun) {
    line += str("srun --mpi=pmix --cpus-per-task=", plan.geometry.cpus_per_task, " --kill-on-bad-exit=1",
                elastic(plan) ? " --overcommit" : "", " \"${where[@]}\"");
  } else {
    line += "mpirun \"${where[@]}\" --bind-to none";
    if (elastic(plan)) line += " --oversubscribe --mca mpi_yield_when_idle 0";
    if (plan.mpirun_grace > 0) {
      line += str(" --mca odls_base_sigkill_timeout ", plan.mpirun_grace, " --mca ras_base_launch_orted_on_hn 1");
    }
  }
  for (const std::string& word : site.launcher_arguments) line += ' ' + shell_word(word);
  line += " \\\n    ";
  if (!site.container.empty()) line += site.container + ' ';
  line += "\"$trireme\" train \"$run_file\" --run.dir=\"$run_dir\"";
  for (const std::string& word : plan.overrides) {
    // What was wished for is the most that job next answers with.
    if (!word.starts_with("--parallel.dp=")) line += ' ' + shell_word(word);
  }
  return line + " \"${layout[@]}\" &\n";
}

std::string ending(const ScriptPlan& plan, const Site& site) {
  std::string text =
      "if [ \"${next[0]}\" = requeue ]; then\n"
      "  scontrol requeue \"$job\" && sleep 60  # the last act: it ends this job within the second\nfi\n";
  if (may_submit(plan, site)) {
    text +=
        "if [ \"${next[0]}\" = resubmit ]; then\n"
        "  # Without the nodes that failed, and without what Slurm told this job about itself.\n"
        "  again=(\"--exclude=${next[2]}\")\n";
    if (plan.runs.size() > 1) text += "  again+=(\"--array=$SLURM_ARRAY_TASK_ID\")\n";
    text +=
        "  mapfile -t own < <(compgen -e SLURM_ | grep -v '^SLURM_CONF$')\n"
        "  (unset \"${own[@]}\"; sbatch \"${again[@]}\" \"$0\")\nfi\n";
  }
  return text + "exit \"${next[1]}\"\n";
}

}  // namespace

Launcher choose_launcher(const Wishes& wishes, const Site& site) {
  if (wishes.launcher == "mpirun") return Launcher::kMpirun;
  if (wishes.launcher == "srun") {
    if (!srun_has_pmix(site)) {
      throw base::InputError("slurm.launcher = srun needs srun --mpi=pmix, which this site does not offer; use mpirun");
    }
    return Launcher::kSrun;
  }
  if (site.mpirun_version.empty() && srun_has_pmix(site)) return Launcher::kSrun;
  return noticed_by_term(wishes, site) && srun_has_pmix(site) ? Launcher::kSrun : Launcher::kMpirun;
}

std::int64_t mpirun_grace(const Wishes& wishes, const Site& site, double measured) {
  constexpr std::int64_t kMost = 120, kLeaving = 5;
  if (!noticed_by_term(wishes, site) || !mpirun_can_wait(site)) return 0;
  const std::int64_t grace = preemption_of(site, wished_partition(wishes, site), wishes.qos).grace;
  const auto needed = measured > 0 ? static_cast<std::int64_t>(std::ceil(measured)) : kMost;
  return std::min({grace, needed, kMost}) + kLeaving;
}

bool may_requeue(const Wishes& wishes) {
  const auto extra = words_of(wishes.extra);
  return std::ranges::count(extra, "--no-requeue") == 0;
}

std::string batch_script(const ScriptPlan& plan, const Site& site) {
  const bool srun = plan.launcher == Launcher::kSrun;
  std::string text =
      str("#!/bin/bash\n# Written by trireme submit. Plain sbatch: edit it, and submit it with sbatch yourself.\n",
          directives(plan, site),
          "\n# USR1 comes from Slurm before the end; the launcher passes it to every rank, which saves and stops.\n",
          "asked=\nlauncher=\ntrap 'asked=1; [ -n \"$launcher\" ] && kill -USR1 \"$launcher\" 2>/dev/null' USR1\n",
          "unset SLURM_EXPORT_ENV  # else ranks miss their environment after --export=NONE\n");
  for (const std::string& module : site.modules) text += str("module load ", module, "\n");
  for (const std::string& line : site.prolog) text += line + '\n';
  text += "set -u\n";  // after the modules' and the person's own lines, which may use what is not set
  text += str("trireme=", shell_word(plan.program), "\n", assignments(plan));
  text += str("job=$SLURM_JOB_ID\n",
              "[ -n \"${SLURM_ARRAY_TASK_ID:-}\" ] && job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\n\n");
  text +=
      str("# Before each attempt trireme looks at the run, the nodes and how the last attempt ended, and answers in "
          "lines:\n",
          "# go, the attempt's number, where the ranks go, the layout that fits; else requeue, resubmit or end, and "
          "the code.\n",
          "next_step() {\n  local answer\n  answer=$(\"$trireme\" job next \"$run_file\" --dir \"$run_dir\" "
          "--ranks-per-node ",
          plan.geometry.ranks_per_node, srun ? " --srun" : "", plan.requeue ? " --requeue" : "",
          may_submit(plan, site) ? " --may-submit" : "");
  for (const std::string& word : plan.overrides) text += ' ' + shell_word(word);
  text += " \"$@\") || { next=(end \"$?\"); return; }\n  mapfile -t next <<< \"$answer\"\n";
  text += str("  if [ -n \"$asked\" ] && [ \"${next[0]}\" = go ]; then next=(", plan.requeue ? "requeue" : "end",
              " 75); fi\n}\n\n");
  text += str("attempts=0\n", "next_step\nwhile [ \"${next[0]}\" = go ]; do\n",
              "  attempt=${next[1]}\n  read -ra where <<< \"${next[2]}\"\n  read -ra layout <<< \"${next[3]}\"\n");
  text += launch_line(plan, site);
  // With the grace parameter every end of mpirun takes long after its ranks are gone.
  const int linger = plan.mpirun_grace > 0 && !srun ? 1 : 30;
  text += str("  launcher=$!\n  [ -n \"$asked\" ] && kill -USR1 \"$launcher\"\n",
              "  # A launcher that outlives the outcome hangs: it has nothing left to do.\n",
              "  (until [ -e \"$run_dir/logs/outcome.$attempt\" ]; do sleep 1; done; sleep ", linger,
              "; kill -KILL \"$launcher\") 2>/dev/null &\n", "  watcher=$!\n",
              "  # The trap interrupts wait: wait again as long as the launcher is there.\n",
              "  while wait \"$launcher\"; code=$?; kill -0 \"$launcher\" 2>/dev/null; do :; done\n",
              "  launcher=\n  kill \"$watcher\" 2>/dev/null\n",
              "  attempts=$((attempts + 1))\n  next_step --attempt \"$attempt\" --attempts \"$attempts\" "
              "--launcher-exit \"$code\"\ndone\n\n");
  return text + ending(plan, site);
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  return "'" + replaced(word, "'", "'\\''") + "'";
}

}  // namespace trireme::slurm
