// Protects a run that was submitted before, or that somebody else began, when it is submitted again.
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
  std::string id;  ///< "123", or "123_4" for an array task
  std::string state;
  std::string name;
  std::string command;    ///< the batch script
  std::string directory;  ///< the directory in which it works
};

/// Who may have submitted a job of these runs: this user, and the directories' owners.
std::vector<std::string> submitters_of(const std::vector<slurm::ScriptRun>& runs);

/// squeue's words for the jobs of these users, and its answer; lines that do not fit are left out.
std::vector<std::string> known_jobs_command(const std::vector<std::string>& users);
std::vector<KnownJob> parse_known_jobs(const std::string& answer);

/// Whether the job waits or runs: not one that is over.
bool is_in_queue(const KnownJob& job);

/// Finds a job that already waits for the run or works on it: by its number in `submitted` (the jobs of earlier
/// submissions), by the run's own batch script, or, if a batch script submitted it, by its name and working directory.
/// Jobs that are over do not count.
std::optional<KnownJob> job_of_run(const std::vector<KnownJob>& jobs, const slurm::ScriptRun& run,
                                   const std::string& work_directory, const std::vector<std::string>& submitted);

/// The first path in a run directory that a job of the run must write but this user may not; nothing when all is
/// writable, or when the directory does not exist yet.
std::optional<std::filesystem::path> first_unwritable(const std::filesystem::path& run_directory);

/// Call it before anything is written. Throws base::InputError when one of the plan's run directories holds what this
/// user may not write, or when a job of such a run already waits or runs and slurm.extra names no dependency. Warns on
/// standard error when the queue does not answer.
void check_resubmission(base::FileSystem& files, const slurm::ScriptPlan& plan, const slurm::RunCommand& run);

}  // namespace trireme::launcher
