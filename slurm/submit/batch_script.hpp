// Writes the batch script of a run: plain sbatch, short enough to be read, taken away and edited.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slurm/site/site.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::slurm {

enum class Launcher { kMpirun, kSrun };

/// How the ranks are started where the request says auto: by srun --mpi=pmix where preemption gives notice by SIGTERM
/// (which costs mpirun its daemons) and the site has PMIx, otherwise by mpirun. Throws base::InputError when srun is
/// asked for and the site has no PMIx.
Launcher choose_launcher(const JobRequest& request, const Site& site);

/// What a script of a [program] run needs to know of its section.
struct ScriptProgram {
  std::string launcher;     ///< none, mpirun, srun, torchrun
  std::string stop_signal;  ///< TERM, USR1, …

  /// Whether one process is started on each node instead of one for each rank.
  bool one_per_node() const { return launcher == "torchrun"; }
};

/// What starts the processes of such a run: mpirun for mpirun, srun for srun and torchrun. A single process is started
/// by nothing, but by srun where preemption gives notice by SIGTERM, which reaches only the processes that srun
/// started.
Launcher program_starter(const ScriptProgram& program, const JobRequest& request, const Site& site);

/// Whether a job on the requested partition learns of its preemption by SIGTERM, some time before it is killed.
bool noticed_by_term(const JobRequest& request, const Site& site);

/// How many seconds mpirun must keep its ranks alive after SIGTERM. On partitions that give notice by SIGTERM it is the
/// preemption's grace, or the seconds `measured` for a step and a save if that is less (0: not measured), at most 120
/// s, plus 5 s. It is 0 where this is never needed, and where mpirun has no parameter for it (Open MPI 4 has one, 5 has
/// none).
std::int64_t mpirun_grace(const JobRequest& request, const Site& site, double measured);

struct ScriptRun {
  std::string name;
  std::string run_file;       ///< absolute
  std::string run_directory;  ///< absolute
};

/// A job array whose tasks take a sweep's trials, one after the other (sweep_script.hpp).
struct ScriptSweep {
  std::string directory;            ///< absolute
  std::int64_t tasks = 1;           ///< of the array
  std::int64_t shape = 0;           ///< they take the trials of this shape only
  bool parks = false;               ///< a task without work waits in the queue for more, instead of ending
  std::int64_t queue_seconds = 60;  ///< between two questions to the queue about other workers
};

/// What the script of a spare job (submit --spare) hands to the process that watches the cluster for it.
struct ScriptSpare {
  std::int64_t most_nodes = 1;  ///< that the run may have
  std::int64_t longest = 0;     ///< seconds that a job may ask for where it runs
};

struct ScriptPlan {
  std::vector<ScriptRun> runs;         ///< more than one: a job array with one task for each
  std::optional<ScriptSweep> sweep;    ///< then `runs` holds one entry, with the jobs' name
  std::int64_t at_once = 0;            ///< tasks of the array that run at the same time; 0: all
  std::string program;                 ///< absolute path of trireme
  std::string work_directory;          ///< absolute; relative paths in the run files start here
  std::string log_directory;           ///< absolute
  std::vector<std::string> overrides;  ///< "--section.key=value", without run.dir
  JobRequest request;
  Geometry geometry;
  Launcher launcher = Launcher::kMpirun;
  std::optional<ScriptProgram> program_run;  ///< nothing: Trireme's own training
  std::int64_t mpirun_grace = 0;
  std::optional<ScriptSpare>
      spare;  ///< the job computes on what stands idle, and its size changes where it may be requeued
  bool requeue = true;
  double measured = 0;  ///< seconds of a step and a save in the run's last attempt; 0: not measured

  /// Whether its next job can have another number of nodes; it then asks for whole nodes.
  bool elastic() const { return spare || geometry.min_nodes < geometry.nodes; }
  bool array() const { return sweep.has_value() || runs.size() > 1; }
};

/// The script's text, free of shellcheck's warnings. Throws base::InputError as job_settings() does (settings.hpp).
std::string batch_script(const ScriptPlan& plan, const Site& site);

/// Quotes a word for the shell: unchanged where nothing in it is special, otherwise in single quotes.
std::string shell_word(const std::string& word);

}  // namespace trireme::slurm
