#include "launcher/submission/spare_choice.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "slurm/queue/duration.hpp"

namespace trireme::launcher {
namespace {

using base::str;

slurm::JobRequest request_at(const slurm::JobRequest& request, const slurm::SparePlace& place) {
  slurm::JobRequest changed = request;
  changed.partition = place.partition;
  changed.qos = place.qos;
  changed.time.clear();  // the run file's is that of an ordinary job in another partition
  return changed;
}

// Places where the run's job could ask for what it needs, and the ranks that a node of the first one has.
std::vector<slurm::SparePlace> usable_places(const slurm::JobRequest& request, const slurm::Site& site,
                                             std::int64_t& ranks_per_node) {
  std::vector<slurm::SparePlace> usable;
  std::string refused;
  const auto places = slurm::spare_places(site);
  for (const slurm::SparePlace& place : places) {
    try {
      slurm::JobRequest smallest = request_at(request, place);
      smallest.nodes = 1;
      smallest.min_nodes = 0;
      const auto geometry = slurm::plan_geometry(smallest, site);
      if (!usable.empty() && geometry.ranks_per_node != ranks_per_node) continue;
      ranks_per_node = geometry.ranks_per_node;
      usable.push_back(place);
    } catch (const base::InputError& error) {
      refused = error.what();
    }
  }
  if (places.empty()) {
    throw base::InputError(
        "--spare: nothing on this cluster preempts and requeues jobs, so a job on idle nodes would be in others' way: "
        "submit without --spare");
  }
  if (usable.empty()) throw base::InputError("--spare: " + refused);
  return usable;
}

std::string answer_of(const slurm::RunCommand& run, const std::vector<std::string>& words, const char* program) {
  const auto answer = slurm::output_of(run, words);
  if (!answer)
    throw base::Error(str("--spare: ", program, " does not answer, so nobody knows what is idle: try again"));
  return *answer;
}

}  // namespace

SpareChoice choose_spare(const SpareRun& wanted, const slurm::Site& site, const slurm::RunCommand& run, double now,
                         const std::function<std::optional<double>(const slurm::JobRequest&)>& starts_in) {
  std::int64_t ranks_per_node = 1;
  const auto places = usable_places(wanted.request, site, ranks_per_node);
  slurm::SpareNeeds needs;
  const std::int64_t most = wanted.request.nodes;
  for (std::int64_t nodes = wanted.layout.any ? wanted.layout.least_nodes : 1; nodes <= most; ++nodes) {
    const auto dp = slurm::fit_data_parallel(wanted.layout, nodes * ranks_per_node);
    // Only sizes that leave no rank idle.
    const bool fits = dp && wanted.layout.tp * wanted.layout.pp * *dp == nodes * ranks_per_node;
    if (fits) needs.sizes.push_back(nodes);
  }
  if (needs.sizes.empty()) {
    throw base::InputError(str("--spare: the layout fits no number of nodes from 1 to slurm.nodes = ", most, " with ",
                               ranks_per_node, " ranks each"));
  }
  needs.most_nodes = most;
  if (wanted.measured.start_up > 0) needs.start_up = wanted.measured.start_up;
  if (wanted.measured.save > 0) needs.save = wanted.measured.save;

  SpareChoice choice;
  const std::string nodes = answer_of(run, slurm::spare_nodes_command(), "sinfo");
  const std::string jobs = answer_of(run, slurm::spare_jobs_command(), "squeue");
  choice.questions = 2;
  const slurm::SpareView view = slurm::parse_spare_view(nodes, jobs, now);
  const auto slices = slurm::spare_slices(needs, places, view, wanted.user);
  const auto found = slurm::find_slice(slices, [&](const slurm::Slice& slice) {
    ++choice.questions;
    return starts_in(spare_request(wanted.request, slice));
  });
  choice.starts_now = found.has_value();
  const auto slice = found ? found : slurm::waiting_slice(needs, places, view, wanted.user);
  if (!slice) {
    throw base::InputError(
        str("--spare: no partition that preempts takes another job of yours: your spare jobs there have or ",
            "wait for the slurm.nodes = ", most, " nodes, or the least time that is worth a start is too long"));
  }
  choice.slice = *slice;
  return choice;
}

slurm::JobRequest spare_request(const slurm::JobRequest& request, const slurm::Slice& slice) {
  slurm::JobRequest changed = request_at(request, slice.place);
  changed.nodes = slice.nodes;
  changed.min_nodes = slice.fewest < slice.nodes ? slice.fewest : 0;
  changed.time = slurm::format_slurm_duration(slice.seconds);
  for (const std::string& word : slice.words()) {
    if (word.starts_with("--nice=")) {
      changed.extra += (changed.extra.empty() ? "" : " ") + word;
    }
  }
  return changed;
}

}  // namespace trireme::launcher
