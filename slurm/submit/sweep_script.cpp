#include "slurm/submit/sweep_script.hpp"

#include <sstream>

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

using base::str;

std::string indented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) result += line.empty() ? "\n" : "  " + line + "\n";
  return result;
}

std::string next_trial_function(const ScriptPlan& plan) {
  return str(
      "# Says how the trial before ended and takes the next one. trireme answers in lines: run, the trial's number, "
      "its\n",
      "# run file and directory, where it pauses, the attempts that it had before; else wait, park, requeue, resubmit ",
      "or\n# end, the exit code, and the nodes that a new job excludes.\n",
      "next_trial() {\n  local answer code try most=$tries limit=600\n",
      "  # A task that leaves may have seconds left.\n",
      "  case ${next[0]} in requeue | resubmit) most=1 limit=10 ;; esac\n",
      "  for ((try = 1; try <= most; ++try)); do\n",
      "    answer=$(timeout \"$limit\" \"$trireme\" job trial \"$sweep_dir\" --process $$ --taken \"$taken\"",
      " --shape ", plan.sweep->shape, plan.sweep->parks ? " --parks" : "", plan.requeue ? " --requeue" : "", " \\\n",
      "      --queue-seconds ", plan.sweep->queue_seconds,
      " ${asked:+--leaving} \"$@\") && [[ $answer = *$'\\n'* ]] && mapfile -t next <<< \"$answer\" && return\n",
      "    code=$?\n", "    # 2: bad input, which no other try mends.\n", "    [ \"$code\" = 2 ] && break\n",
      "    echo \"trireme job trial failed with $code (try $try of $most)\" >&2\n",
      "    [ \"$try\" = \"$most\" ] || sleep \"$pause\"\n  done\n",
      "  case ${next[0]} in requeue | resubmit) ;; *) next=(end \"$code\") ;; esac\n}\n\n");
}

}  // namespace

std::string sweep_assignments(const ScriptSweep& sweep) { return str("sweep_dir=", shell_word(sweep.directory), "\n"); }

std::string sweep_loop(const ScriptPlan& plan, const std::string& attempts) {
  return str(
      next_trial_function(plan), "# When somebody asked the sweep to stop, what runs is asked once to save and end.\n",
      "told=\nlook_for_stop() {\n  if [ -z \"$told\" ] && [ -e \"$sweep_dir/control/stop\" ]; then\n",
      "    told=1\n    kill -USR1 \"$launcher\"\n  fi\n}\n\n", "taken=0 next=(start)\nnext_trial\n",
      "while [ \"${next[0]}\" = run ] || [ \"${next[0]}\" = wait ]; do\n",
      "  if [ \"${next[0]}\" = wait ]; then sleep \"$pause\"; next_trial; continue; fi\n",
      "  trial=${next[1]} run_file=${next[2]} run_dir=${next[3]} pause_at=${next[4]} before=${next[5]}\n",
      "  taken=$((taken + 1))\n", indented(attempts.substr(0, attempts.size() - 1)),
      "  next_trial --last \"$trial\" --ended \"${next[0]}\" --code \"${next[1]}\" --exclude \"${next[2]:-}\" \\\n",
      "    --before \"$before\"\n", "done\n\n");
}

std::string sweep_parking() {
  return "if [ \"${next[0]}\" = park ]; then\n"
         "  persist scontrol requeuehold \"$job\" && sleep \"$pause\"  # until another task has work for this one\n"
         "fi\n";
}

}  // namespace trireme::slurm
