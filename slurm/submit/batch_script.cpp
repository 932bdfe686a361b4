#include "slurm/submit/batch_script.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "slurm/site/preemption.hpp"
#include "slurm/submit/settings.hpp"
#include "slurm/submit/sweep_script.hpp"

namespace trireme::slurm {
namespace {

using base::str;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// Whether the job may replace itself by a new one.
bool may_submit(const ScriptPlan& plan, const Site& site) { return plan.requeue && site.submit_from_nodes == true; }

// Whether its watch may end it to go on as a larger or smaller job. After a link of a chain the next link goes on.
bool changes_size(const ScriptPlan& plan) { return plan.spare && plan.requeue; }

// Its watch is of use only where a new job can follow: a requeued one of the same size would be ended again at once.
bool watches(const ScriptPlan& plan, const Site& site) {
  return changes_size(plan) && site.submit_from_nodes != std::optional(false);
}

// What trireme must know to choose another size.
std::string spare_words(const ScriptPlan& plan) {
  if (!changes_size(plan)) return "";
  return str(" --most-nodes ", plan.spare->most_nodes, " --longest ", plan.spare->longest);
}

// Whether the batch script tells MPI where to keep its files on a node: Open MPI 4 has parameters for that.
bool keeps_scratch(const Site& site) { return mpirun_can_wait(site); }

std::string directives(const ScriptPlan& plan, const Site& site) {
  std::string text;
  for (const std::string& word : job_settings(plan, site)) {
    if (word == "--no-kill") text += "# A lost node does not end the others: the script goes on without it.\n";
    text += str("#SBATCH ", directive_word(word), "\n");
  }
  return text;
}

std::string assignments(const ScriptPlan& plan) {
  if (plan.sweep) return sweep_assignments(*plan.sweep);
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

std::int64_t cpus_of_process(const ScriptPlan& plan) {
  const bool one_per_node = plan.program_run && plan.program_run->one_per_node();
  return plan.geometry.cpus_per_task * (one_per_node ? plan.geometry.ranks_per_node : 1);
}

// The words that start a process of each rank, or of each node.
std::string starter_words(const ScriptPlan& plan, const Site& site) {
  std::string line;
  if (plan.launcher == Launcher::kSrun) {
    const bool pmix = !plan.program_run || (!plan.program_run->one_per_node() && srun_has_pmix(site));
    // Overlap: the step before, whose node died, may hold its part of the nodes until Slurm has given it up.
    line += str("srun ", plan.program_run ? "--overlap " : "",
                pmix                               ? "--mpi=pmix "
                : plan.program_run->one_per_node() ? "--mpi=none "
                                                   : "",
                "--cpus-per-task=", cpus_of_process(plan), " --kill-on-bad-exit=1",
                plan.elastic() ? " --overcommit" : "", " \"${where[@]}\"");
  } else {
    line += "mpirun \"${where[@]}\" --bind-to none";
    if (plan.elastic()) line += " --oversubscribe --mca mpi_yield_when_idle 0";
    if (plan.mpirun_grace > 0) {
      line += str(" --mca odls_base_sigkill_timeout ", plan.mpirun_grace, " --mca ras_base_launch_orted_on_hn 1");
    }
  }
  for (const std::string& word : site.launcher_arguments) line += ' ' + shell_word(word);
  return line;
}

// A [program] run: trireme looks after the launcher, whose words stand at the end.
std::string program_line(const ScriptPlan& plan, const Site& site) {
  std::string line = "  \"$trireme\" job start \"$run_file\" --run.dir=\"$run_dir\"";
  if (plan.sweep) line += kPauseWord;
  for (const std::string& word : plan.overrides) line += ' ' + shell_word(word);
  line += str(" --ranks-per-node ", plan.geometry.ranks_per_node, " \"${layout[@]}\"");
  const bool directly = plan.program_run->launcher == "none" && plan.launcher == Launcher::kMpirun;
  std::string starter = directly ? "" : starter_words(plan, site);
  if (!site.container.empty()) starter += (starter.empty() ? "" : " ") + site.container;
  return line + (starter.empty() ? "" : " -- \\\n    " + starter) + " &\n";
}

std::string launch_line(const ScriptPlan& plan, const Site& site) {
  if (plan.program_run) return program_line(plan, site);
  std::string line = "  " + starter_words(plan, site);
  line += " \\\n    ";
  if (!site.container.empty()) line += site.container + ' ';
  line += "\"$trireme\" train \"$run_file\" --run.dir=\"$run_dir\"";
  if (plan.sweep) line += kPauseWord;
  for (const std::string& word : plan.overrides) {
    // The dp that was asked for is an upper limit; `trireme job next` answers with what fits.
    if (!word.starts_with("--parallel.dp=")) line += ' ' + shell_word(word);
  }
  return line + " \"${layout[@]}\" &\n";
}

// A spare job looks at the cluster while its ranks compute.
std::string watch_line(const ScriptPlan& plan, const Site& site) {
  if (!watches(plan, site)) return "";
  std::string line =
      str("  # Asks the run to save and end when it is to go on with more or fewer nodes: in logs/spare.N stands how "
          "many.\n",
          "  \"$trireme\" job spare \"$run_file\" --dir \"$run_dir\" --ranks-per-node ", plan.geometry.ranks_per_node,
          spare_words(plan), " --attempt \"$attempt\" --launcher \"$launcher\" --script \"$0\"");
  for (const std::string& word : plan.overrides) line += ' ' + shell_word(word);
  return line + " &\n  spare=$!\n";
}

// Enough tries to last longer than any preemption of the job takes from its notice to the kill.
std::int64_t tries(const ScriptPlan& plan, const Site& site, std::int64_t pause) {
  constexpr std::int64_t kLeast = 600, kSpare = 60;
  const std::int64_t grace = preemption_of(site, requested_partition(plan.request, site), plan.request.qos).grace;
  return (std::max(kLeast, grace + site.kill_wait + kSpare) + pause - 1) / pause;
}

std::string persistence(const ScriptPlan& plan, const Site& site) {
  constexpr std::int64_t kPause = 15;
  return str(
      "# Slurm's controller or a file system may be away for minutes, and a script that leaves inside a ",
      "preemption's grace\n# ends its job for good. So the calls that bring the job back are tried this often, with ",
      "this many seconds between.\ntries=", tries(plan, site, kPause), " pause=", kPause, "\n",
      "persist() {\n  local try\n  for ((try = 1; try <= tries; ++try)); do\n    timeout 60 \"$@\" && return\n",
      "    echo \"$1 failed (try $try of $tries)\" >&2\n    sleep \"$pause\"\n  done\n  return 1\n}\n\n");
}

std::string next_step_function(const ScriptPlan& plan, const Site& site) {
  std::string text = str(
      "# Before each attempt trireme looks at the run, the nodes and how the last attempt ended, and answers in "
      "lines:\n",
      "# go, the attempt's number, where the ranks go, the layout that fits; else requeue, resubmit or end, and "
      "the code.\n",
      "next_step() {\n  local answer code try\n  for ((try = 1; ; ++try)); do\n",
      "    answer=$(\"$trireme\" job next \"$run_file\" --dir \"$run_dir\" --ranks-per-node ",
      plan.geometry.ranks_per_node, plan.launcher == Launcher::kSrun ? " --srun" : "", plan.requeue ? " --requeue" : "",
      may_submit(plan, site) ? " --may-submit" : "", keeps_scratch(site) ? " --own-scratch" : "", spare_words(plan),
      watches(plan, site) ? " --script \"$0\"" : "");
  if (plan.sweep) text += kBeforeWord;
  for (const std::string& word : plan.overrides) text += ' ' + shell_word(word);
  return str(text, " \"$@\") && [[ $answer = *$'\\n'* ]] && break\n    code=$?\n",
             "    # 2: bad input, which no other try mends.\n",
             "    if [ \"$code\" = 2 ] || ((try >= tries)); then next=(end \"$code\"); return; fi\n",
             "    echo \"trireme job next failed with $code (try $try of $tries)\" >&2\n    sleep \"$pause\"\n  done\n",
             "  mapfile -t next <<< \"$answer\"\n  if [ -n \"$asked\" ] && [ \"${next[0]}\" = go ]; then next=(",
             plan.requeue ? "requeue" : "end", " 75); fi\n}\n\n");
}

// The names of the variables by which a new job would inherit this one's settings.
constexpr const char* kForgetThisJob =
    "  mapfile -t own < <(compgen -e | grep -E '^(SLURM|SBATCH)_' | grep -vxE 'SLURM_(CONF|CLUSTERS|JWT)')\n";

std::string ending(const ScriptPlan& plan, const Site& site) {
  std::string text;
  if (may_submit(plan, site)) {
    text +=
        "if [ \"${next[0]}\" = resubmit ]; then\n"
        "  # Without the nodes that failed, and without what Slurm told this job about itself.\n"
        "  again=(\"--exclude=${next[2]}\")\n";
    if (plan.array()) text += "  again+=(\"--array=$SLURM_ARRAY_TASK_ID\")\n";
    text +=
        str(kForgetThisJob, "  (unset \"${own[@]}\"; persist sbatch \"${again[@]}\" \"$0\") || next[0]=requeue\nfi\n");
  }
  if (changes_size(plan)) {
    text += str(
        "if [ \"${next[0]}\" = slice ]; then\n",
        "  # Another size is another job, which starts as soon as this one has ended; it gets nothing of what ",
        "Slurm told this one\n  # about itself. Where nodes may not submit, this one is requeued.\n",
        "  read -ra again <<< \"${next[2]}\"\n", kForgetThisJob,
        "  # A submission without an answer may have been taken all the same: then the queue shows a job that ",
        "waits for this one.\n",
        "  taken() { tries=4 persist squeue --noheader --states=PENDING --format=%E | grep -qw \"afterany:$job\"; }\n",
        "  if (unset \"${own[@]}\"; timeout 60 sbatch \"${again[@]}\" \"$0\" || taken); then next[1]=0; ",
        "else next[0]=requeue; fi\nfi\n");
  }
  if (plan.sweep && plan.sweep->parks) text += sweep_parking();
  return text +
         "if [ \"${next[0]}\" = requeue ]; then\n"
         "  persist scontrol requeue \"$job\" && sleep \"$pause\"  # the last act: it ends this job within the second\n"
         "fi\nexit \"${next[1]}\"\n";
}

}  // namespace

bool noticed_by_term(const JobRequest& request, const Site& site) {
  const Preemption preemption = preemption_of(site, requested_partition(request, site), request.qos);
  const bool ends = preemption.mode == PreemptMode::kRequeue || preemption.mode == PreemptMode::kCancel;
  return ends && preemption.grace > 0 && !site.send_user_signal;
}

Launcher program_starter(const ScriptProgram& program, const JobRequest& request, const Site& site) {
  if (program.launcher == "none") return noticed_by_term(request, site) ? Launcher::kSrun : Launcher::kMpirun;
  return program.launcher == "mpirun" ? Launcher::kMpirun : Launcher::kSrun;
}

Launcher choose_launcher(const JobRequest& request, const Site& site) {
  if (request.launcher == "mpirun") return Launcher::kMpirun;
  if (request.launcher == "srun") {
    if (!srun_has_pmix(site)) {
      throw base::InputError("slurm.launcher = srun needs srun --mpi=pmix, which this site does not offer; use mpirun");
    }
    return Launcher::kSrun;
  }
  if (site.mpirun_version.empty() && srun_has_pmix(site)) return Launcher::kSrun;
  return noticed_by_term(request, site) && srun_has_pmix(site) ? Launcher::kSrun : Launcher::kMpirun;
}

std::int64_t mpirun_grace(const JobRequest& request, const Site& site, double measured) {
  constexpr std::int64_t kMost = 120, kLeaving = 5;
  if (!noticed_by_term(request, site) || !mpirun_can_wait(site)) return 0;
  const std::int64_t grace = preemption_of(site, requested_partition(request, site), request.qos).grace;
  const auto needed = measured > 0 ? static_cast<std::int64_t>(std::ceil(measured)) : kMost;
  return std::min({grace, needed, kMost}) + kLeaving;
}

std::string batch_script(const ScriptPlan& plan, const Site& site) {
  const bool srun = plan.launcher == Launcher::kSrun;
  std::string text =
      str("#!/bin/bash\n# Written by trireme ", plan.sweep ? "sweep run" : "submit",
          ". Plain sbatch: edit it, and submit it with sbatch yourself.\n", directives(plan, site),
          "\n# USR1 comes from Slurm before the end; the launcher passes it to every rank, which saves and stops.\n",
          "asked=\nlauncher=\ntrap 'asked=1; [ -n \"$launcher\" ] && kill -USR1 \"$launcher\" 2>/dev/null' USR1\n",
          "unset SLURM_EXPORT_ENV  # else ranks miss their environment after --export=NONE\n");
  for (const std::string& module : site.modules) text += str("module load ", module, "\n");
  for (const std::string& line : site.prolog) text += line + '\n';
  text += "set -u\n";  // after the modules' and the user's own lines, which may use unset variables
  text += str("trireme=", shell_word(plan.program), "\n", assignments(plan));
  text += str("job=$SLURM_JOB_ID\n",
              "[ -n \"${SLURM_ARRAY_TASK_ID:-}\" ] && job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\n\n");
  text += persistence(plan, site) + next_step_function(plan, site);
  const std::size_t loop = text.size();
  text += str("attempts=0\n", "next_step\nwhile [ \"${next[0]}\" = go ]; do\n",
              "  attempt=${next[1]}\n  read -ra where <<< \"${next[2]}\"\n  read -ra layout <<< \"${next[3]}\"\n");
  if (keeps_scratch(site)) {
    text +=
        "  # What Open MPI leaves on the nodes when it is killed lies in directories of this job, which job next "
        "clears.\n"
        "  unset OMPI_MCA_orte_tmpdir_base OMPI_MCA_btl_vader_backing_directory\n"
        "  [ -n \"${next[4]:-}\" ] &&\n"
        "    export OMPI_MCA_orte_tmpdir_base=\"${next[4]}\" OMPI_MCA_btl_vader_backing_directory=\"${next[5]}\"\n";
  }
  text += launch_line(plan, site);
  // With the grace parameter, mpirun ends long after its ranks are gone.
  const int linger = plan.mpirun_grace > 0 && !srun ? 1 : 30;
  text += str("  launcher=$!\n  [ -n \"$asked\" ] && kill -USR1 \"$launcher\"\n", watch_line(plan, site),
              "  # A launcher that outlives the outcome hangs: it has nothing left to do.\n",
              "  (until [ -e \"$run_dir/logs/outcome.$attempt\" ]; do sleep 1; ", plan.sweep ? kStopLook : "",
              "done; sleep ", linger, "; kill -KILL \"$launcher\") 2>/dev/null &\n", "  watcher=$!\n",
              "  # The trap interrupts wait: wait again as long as the launcher is there.\n",
              "  while wait \"$launcher\"; code=$?; kill -0 \"$launcher\" 2>/dev/null; do :; done\n",
              "  launcher=\n  kill \"$watcher\" ", watches(plan, site) ? "\"$spare\" " : "", "2>/dev/null\n",
              "  attempts=$((attempts + 1))\n  next_step --attempt \"$attempt\" --attempts \"$attempts\" "
              "--launcher-exit \"$code\"\ndone\n\n");
  if (plan.sweep) text = text.substr(0, loop) + sweep_loop(plan, text.substr(loop));
  return text + ending(plan, site);
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  return "'" + replaced(word, "'", "'\\''") + "'";
}

}  // namespace trireme::slurm
