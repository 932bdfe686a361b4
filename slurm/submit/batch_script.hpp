// The batch script of a run: plain sbatch, short enough to be read, taken away and edited.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::slurm {

enum class Launcher { kMpirun, kSrun };

/// How the ranks are started where the request say auto: srun --mpi=pmix where preemption gives notice by SIGTERM
/// (which costs mpirun its daemons) and the site has PMIx, else mpirun. base::InputError when srun is wished for and
/// the site has no PMIx.
Launcher choose_launcher(const JobRequest& request, const Site& site);

/// Seconds that mpirun must keep its ranks alive after SIGTERM, 0 where that never happens: the preemption's grace, or
/// the seconds `measured` for a step and a save when that is less (0: not measured), plus 5 s, on partitions that give
/// notice by SIGTERM (parameters of Open MPI 4; 5 has none).
std::int64_t mpirun_grace(const JobRequest& request, const Site& site, double measured);

struct ScriptRun {
  std::string name;
  std::string run_file;       ///< absolute
  std::string run_directory;  ///< absolute
};

struct ScriptPlan {
  std::vector<ScriptRun> runs;         ///< more than one: a job array, one task each
  std::int64_t at_once = 0;            ///< tasks of the array that run at the same time; 0: all
  std::string program;                 ///< absolute path of trireme
  std::string work_directory;          ///< absolute; relative paths of the run files mean it
  std::string log_directory;           ///< absolute
  std::vector<std::string> overrides;  ///< "--section.key=value", but run.dir
  JobRequest request;
  Geometry geometry;
  Launcher launcher = Launcher::kMpirun;
  std::int64_t mpirun_grace = 0;
  bool requeue = true;
  double measured = 0;  ///< seconds of a step and a save in the run's last attempt; 0: not measured

  /// Whether fewer nodes will do: the job then asks for whole nodes.
  bool elastic() const { return geometry.min_nodes < geometry.nodes; }
};

/// The script's text; shellcheck has nothing to say about it. base::InputError as job_settings() (settings.hpp).
std::string batch_script(const ScriptPlan& plan, const Site& site);

/// A word as the shell reads it back: itself where nothing in it is special, else in single quotes.
std::string shell_word(const std::string& word);

}  // namespace trireme::slurm
