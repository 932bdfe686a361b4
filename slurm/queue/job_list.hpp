// My jobs in the queue, from one call of squeue for all processes that ask. The answer is kept in a file, so that the
// controller is asked no more often than the site allows, however many runs there are.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::slurm {

struct QueuedJob {
  std::string id;         ///< "123"; "123_4" for an array task; "123_[5-9%2]" for tasks that wait together
  std::string state;      ///< "PENDING", "RUNNING", …
  std::string reason;     ///< why it waits, in Slurm's words
  std::string left;       ///< the time that is left, as squeue writes it: "1-02:00:00", "UNLIMITED", "INVALID", …
  std::string directory;  ///< where it was submitted
  std::string name;

  bool pending() const { return state == "PENDING" || state.starts_with("REQUEUE") || state == "SPECIAL_EXIT"; }
};

/// The command line of that call.
std::vector<std::string> job_list_command();

/// Parses its answer and skips lines that do not fit.
std::vector<QueuedJob> parse_job_list(const std::string& answer);

/// Whether `listed`, an id as squeue lists it, includes the job or array task `id`: "123_[1,5-9:2%3]" includes "123_7".
/// A long list that squeue shortens ("123_[1,5,...]") may include any task.
bool stands_for(const std::string& listed, const std::string& id);

/// The job or array task with this id; null when the queue has none.
const QueuedJob* find_job(const std::vector<QueuedJob>& jobs, const std::string& id);

/// What squeue answered, and when, in seconds since the epoch by the clock of the process that asked.
struct JobList {
  std::vector<QueuedJob> jobs;
  std::string cluster;  ///< the cluster whose queue it is; "" when not known
  double asked = 0;
};

/// Seconds between two questions to the queue unless another value is set.
inline constexpr double kQueueSeconds = 60;

/// The name of the file in which processes that ask the same queue keep its answer: the cluster's name where it is
/// known (`cluster`, from SLURM_CLUSTER_NAME); otherwise made of the host's name and of `slurm_conf` (SLURM_CONF).
std::string job_list_name(const std::string& cluster, const std::string& host, const std::string& slurm_conf);

/// squeue's answer, younger than `seconds`: from `cache` when that is fresh enough, else asked for and written there.
/// When several processes ask at the same time with the same cache, one asks the queue and the others wait for it, up
/// to some seconds. A question that failed counts too: a controller in trouble is not asked more often. Nothing without
/// Slurm and after a failure. Whoever writes the cache removes those of other clusters beside it that are older than a
/// day (devclusters come and go). `cluster` is the cluster's name, or "": then Slurm is asked for it once. An empty
/// `cache`, or one that cannot be written, costs one call a time, no error.
std::optional<JobList> my_jobs(base::FileSystem& files, const RunCommand& run, const std::filesystem::path& cache,
                               const std::string& cluster, double now, double seconds = kQueueSeconds);

}  // namespace trireme::slurm
