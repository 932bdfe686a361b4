// Submitting a run that was submitted before, or that somebody else began: what must not happen to it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/submit/batch_script.hpp"

namespace trireme::launcher {

/// The name of a run's batch script in the run directory; of a job array's, in that of the first run.
inline constexpr const char* kBatchScript = "submit.sbatch";

/// A job as squeue shows it.
struct KnownJob {
  std::string id;  ///< "123", or of an array task "123_4"
  std::string state;
  std::string name;
  std::string command;    ///< the batch script
  std::string directory;  ///< where it works
};

/// Who may have submitted a job of these runs: this user, and the directories' owners.
std::vector<std::string> submitters_of(const std::vector<slurm::ScriptRun>& runs);

/// squeue's words for the jobs of these users, and its answer; lines that do not fit are left out.
std::vector<std::string> known_jobs_command(const std::vector<std::string>& users);
std::vector<KnownJob> parse_known_jobs(const std::string& answer);

/// The job that waits for or works on the run already: by its number in `submitted` (the jobs of earlier
/// submissions), by the run's own batch script, or, of a job that a batch script submitted, by its name and where it
/// works. Jobs that are over do not count.
std::optional<KnownJob> job_of_run(const std::vector<KnownJob>& jobs, const slurm::ScriptRun& run,
                                   const std::string& work_directory, const std::vector<std::string>& submitted);

/// What of a run directory this user may not write although a job of the run must; nothing when all is writable, or
/// when there is no such directory yet.
std::optional<std::filesystem::path> first_unwritable(const std::filesystem::path& run_directory);

/// Before anything is written: base::InputError when one of the plan's run directories holds what this user may not
/// write, or when a job of such a run waits or runs already and slurm.extra names no dependency. Says so on standard
/// error when the queue does not answer.
void check_resubmission(base::FileSystem& files, const slurm::ScriptPlan& plan, const slurm::RunCommand& run);

}  // namespace trireme::launcher
