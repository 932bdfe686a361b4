// The batch script of a run: plain sbatch, short enough to be read, taken away and edited.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::slurm {

enum class Launcher { kMpirun, kSrun };

/// How the ranks are started where the wishes say auto: srun --mpi=pmix where preemption gives notice by SIGTERM
/// (which costs mpirun its daemons) and the site has PMIx, else mpirun. base::InputError when srun is wished for and
/// the site has no PMIx.
Launcher choose_launcher(const Wishes& wishes, const Site& site);

/// Seconds that mpirun must keep its ranks alive after SIGTERM, 0 where that never happens: the preemption's grace plus
/// 5 s, on partitions that give notice by SIGTERM (facts of Open MPI 4.1; 5 has no such parameter).
std::int64_t mpirun_grace(const Wishes& wishes, const Site& site);

/// Whether a preempted or stopped job can come back by itself.
bool may_requeue(const Wishes& wishes, const Site& site);

struct ScriptRun {
  std::string name;
  std::string run_file;       ///< absolute
  std::string run_directory;  ///< absolute
};

struct ScriptPlan {
  std::vector<ScriptRun> runs;         ///< more than one: a job array, one task each
  std::int64_t at_once = 0;            ///< tasks of the array that run at the same time; 0: all
  std::string program;                 ///< absolute path of trireme
  std::string log_directory;           ///< absolute
  std::vector<std::string> overrides;  ///< "--section.key=value", but run.dir
  Wishes wishes;
  Geometry geometry;
  Launcher launcher = Launcher::kMpirun;
  std::int64_t mpirun_grace = 0;
  bool requeue = true;
};

/// The script's text; shellcheck has nothing to say about it.
std::string batch_script(const ScriptPlan& plan, const Site& site);

/// A word as the shell reads it back: itself where nothing in it is special, else in single quotes.
std::string shell_word(const std::string& word);

}  // namespace trireme::slurm
