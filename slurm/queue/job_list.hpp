// My jobs in the queue: one call of squeue, kept in a file so that no one asks more often than the site bears.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::slurm {

struct QueuedJob {
  std::string id;         ///< "123", or of an array task "123_4"
  std::string state;      ///< "PENDING", "RUNNING", …
  std::string reason;     ///< why it waits, as Slurm says
  double time_left = -1;  ///< seconds; -1 = no limit or not known
  std::string directory;  ///< where it was submitted
  std::string name;

  bool pending() const { return state == "PENDING" || state.starts_with("REQUEUE") || state == "SPECIAL_EXIT"; }
};

/// The words of the one call.
std::vector<std::string> job_list_command();

/// Its answer; lines that do not fit are left out.
std::vector<QueuedJob> parse_job_list(const std::string& answer);

/// The job or array task with this id, null when the queue has none.
const QueuedJob* find_job(const std::vector<QueuedJob>& jobs, const std::string& id);

/// squeue's answer, not older than `seconds`: from `cache` when that is fresh enough, else asked for and written there.
/// Nothing without Slurm. A cache that cannot be written costs one call a time, no error.
std::optional<std::vector<QueuedJob>> my_jobs(base::FileSystem& files, const RunCommand& run,
                                              const std::filesystem::path& cache, double now, double seconds = 30);

}  // namespace trireme::slurm
