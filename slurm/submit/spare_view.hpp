// Which nodes stand idle and for how long: the cluster as one squeue and one sinfo show it. Pure, but for the commands'
// words.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace trireme::slurm {

/// How far spare jobs stand back (sbatch --nice); a job that stands back as far is none that they make room for.
inline constexpr std::int64_t kSpareNice = 10000;

/// A job in the queue. Seconds count from the moment of the look; infinity where nobody knows.
struct SpareJob {
  std::string id;
  std::string user;
  std::vector<std::string> partitions;  ///< a job that waits may name several
  std::string qos;
  std::int64_t nice = 0;           ///< how far it stands back of its own will
  std::vector<std::string> hosts;  ///< of one that has nodes
  std::int64_t nodes = 0;
  bool waits = false;            ///< it has no nodes yet
  bool waits_for_nodes = false;  ///< that is why: not a dependency, a limit or its owner
  bool next = false;             ///< it is the next in line for them (Slurm's reason Resources)
  double start = std::numeric_limits<double>::infinity();    ///< of one that waits: when backfill expects it to start
  double seconds = std::numeric_limits<double>::infinity();  ///< left, of one that waits its time limit
};

struct SpareView {
  std::map<std::string, std::vector<std::string>> partitions;  ///< the names of its nodes, sorted
  std::set<std::string> unusable;  ///< nodes that run nothing: down, drained, powered off, reserved …
  /// Nodes on which something runs, also where squeue hides whose jobs (PrivateData).
  std::set<std::string> in_use;
  std::vector<SpareJob> jobs;  ///< in squeue's order
};

/// The two questions.
std::vector<std::string> spare_nodes_command();
std::vector<std::string> spare_jobs_command();

/// Reads how long a job that could start waits for the scheduler at most, in seconds, from `scontrol show config`: the
/// time between two rounds of backfill (30 s unless bf_interval says otherwise), and 5 s for the rest.
double scheduler_seconds(const std::string& config);

/// Whether squeue hides other people's jobs, as `scontrol show config` says (PrivateData): then nobody sees who waits.
bool hides_jobs(const std::string& config);

/// Parses their answers; skips lines that do not fit. `now`: when squeue was asked, in seconds since the epoch.
SpareView parse_spare_view(const std::string& sinfo, const std::string& squeue, double now);

/// For how many seconds from now n nodes of the partition are free, as element n - 1; the list ends where not one more
/// is free now. Element by element it falls. Nodes are free until jobs that wait need them: at the start that backfill
/// expects. Where it has not said one, the job next in line takes them as soon as there are enough; others come after
/// it, and Slurm considers them before a spare job in any case. Example: 4 nodes, one of them busy for 60 s, and the
/// next job waits for all 4: {60, 60, 60}.
/// The job `without` (its id, "" for none) counts as not there: its nodes are free, and whoever is expected to start
/// before it ends, or within two minutes after, takes nodes as soon as there are enough without it. A job for which
/// there are enough idle nodes already waits for something else.
std::vector<double> holes(const SpareView& view, const std::string& partition, const std::string& without = "");

/// What the job `own` has to make room for: the view without the jobs that wait as it does (kSpareNice), since two
/// spare jobs would hand each other one node for ever, and without those of whose partitions none has a node of its
/// own: they gain nothing when it leaves.
SpareView claims_on(SpareView view, const SpareJob& own);

/// Whether a job other than `without`, and no spare one, waits for nodes in a partition that has a node of this one.
bool others_wait(const SpareView& view, const std::string& partition, const std::string& without);

/// The job of that id; null when there is none.
const SpareJob* find_job(const SpareView& view, const std::string& id);

/// How many nodes this user's jobs of the partition have and wait for, without those of the job `without`.
std::int64_t nodes_of(const SpareView& view, const std::string& user, const std::string& partition,
                      const std::string& without = "");

}  // namespace trireme::slurm
