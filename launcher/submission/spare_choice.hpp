// submit --spare: asks the queue what stands idle, and turns the slice that a run takes into what its job asks for.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "slurm/job/attempt_ledger.hpp"
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
  bool starts_now = false;    ///< else nothing is idle for long enough: the job waits for a hole
  std::size_t questions = 0;  ///< that Slurm was asked, at most 8
};

/// `run` asks sinfo and squeue, `starts_in` asks sbatch --test-only about one job: the seconds until it would start, or
/// nothing when it is refused. Throws base::InputError where nothing preempts (a spare job would be in others' way) and
/// where no size fits; base::Error when sinfo or squeue does not answer.
SpareChoice choose_spare(const SpareRun& wanted, const slurm::Site& site, const slurm::RunCommand& run, double now,
                         const std::function<std::optional<double>(const slurm::JobRequest&)>& starts_in);

/// The request with the slice's partition, QOS, nodes, time and the words that keep it behind others. The job may come
/// back with fewer nodes.
slurm::JobRequest spare_request(const slurm::JobRequest& request, const slurm::Slice& slice);

}  // namespace trireme::launcher
