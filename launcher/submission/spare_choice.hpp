// submit --spare: asks the queue what stands idle, and turns the slice that a run takes into what its job asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/submit/geometry.hpp"
#include "slurm/submit/layout_fit.hpp"
#include "slurm/submit/spare.hpp"

namespace trireme::launcher {

/// What the queue is asked for.
struct SpareRun {
  slurm::JobRequest request;  ///< its nodes are the most that all spare jobs of the user may have together
  slurm::LayoutNeeds layout;
  slurm::MeasuredSeconds measured;  ///< by earlier attempts; zeros: none did, and defaults count
  std::string user;
};

struct SpareChoice {
  slurm::Slice slice;
  std::int64_t longest = 0;     ///< seconds that a job may ask for at the slice's place
  std::int64_t most_nodes = 0;  ///< that its jobs may grow to: the run's, or the most that the place gives a job
  bool starts_now = false;      ///< else nothing is idle for long enough: the job waits for a hole
  std::size_t questions = 0;    ///< that Slurm was asked, at most 8
};

/// What sbatch --test-only says of a job.
struct StartAnswer {
  std::optional<double> seconds;  ///< until it would start; nothing when it is refused
  std::string refusal = {};       ///< why, in Slurm's words
};
using AskStart = std::function<StartAnswer(const slurm::JobRequest&)>;
/// In how many seconds a slice would start; nothing when Slurm does not say so.
using AskSlice = std::function<std::optional<double>(const slurm::Slice&)>;

/// The sizes from `least` (slurm.min_nodes; 0 counts as 1) up to `most` nodes with which the layout leaves no rank
/// idle, and what starting and saving take. Throws base::InputError when there is no such size.
slurm::SpareNeeds spare_needs(const slurm::LayoutNeeds& layout, std::int64_t ranks_per_node, std::int64_t least,
                              std::int64_t most, const slurm::MeasuredSeconds& measured);

/// What the attempts of a run measured, those of its earlier jobs too. One that had made no step by `now` (seconds
/// since the epoch) needs longer to start than it took.
slurm::MeasuredSeconds measured_so_far(const std::vector<slurm::Attempt>& attempts, double now);

/// The smallest job that such a run may become, at the lowest place: enough to check the run before anybody is asked
/// what is idle. Partition, QOS and time of the run file do not count. Throws base::InputError as choose_spare() does.
slurm::JobRequest smallest_spare(const SpareRun& wanted, const slurm::Site& site);

/// `run` asks sinfo and squeue, `ask` sbatch --test-only about one job. Waits only where Slurm would take the job.
/// Throws base::InputError where nothing preempts (a spare job would be in others' way), where no size fits, and where
/// Slurm refuses the job everywhere; base::Error when sinfo or squeue does not answer.
SpareChoice choose_spare(const SpareRun& wanted, const slurm::Site& site, const slurm::RunCommand& run, double now,
                         const AskStart& ask);

/// Where the spare job runs in which this process does.
slurm::SparePlace own_place(const slurm::JobEnvironment& job, std::int64_t longest, std::int64_t most_nodes);

/// The slice with which a spare job goes on whose time is over: the best one at its place as if it were gone, no larger
/// than it as long as others wait or cannot be seen, else the smallest one, which waits. `job`: its id. Nothing when
/// Slurm does not answer `run`.
std::optional<slurm::Slice> next_slice(slurm::SpareNeeds needs, const slurm::SparePlace& place, const std::string& job,
                                       const std::string& user, const slurm::RunCommand& run, double now,
                                       const AskSlice& ask = {});

/// The request with the slice's partition, QOS, nodes, time and the words that keep it behind others, for whole nodes.
/// The job may come back with fewer nodes.
slurm::JobRequest spare_request(const slurm::JobRequest& request, const slurm::Slice& slice);

}  // namespace trireme::launcher
