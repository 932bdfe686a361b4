#include "launcher/submission/spare_choice.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/submit/settings.hpp"

namespace trireme::launcher {
namespace {

using base::str;

constexpr std::size_t kMostQuestions = 8;

void add_word(std::string& extra, const std::string& word) { extra += (extra.empty() ? "" : " ") + word; }

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

/// Asks about slices, and remembers where Slurm takes the job at all.
class Asker {
 public:
  Asker(const slurm::JobRequest& request, const AskStart& ask) : request_(request), ask_(ask) {}

  std::optional<double> operator()(const slurm::Slice& slice) {
    ++questions;
    const StartAnswer answer = ask_(spare_request(request_, slice));
    if (answer.seconds) takes_.insert({slice.place.partition, slice.place.qos});
    if (!answer.refusal.empty()) refusal = answer.refusal;
    return answer.seconds;
  }
  bool takes(const slurm::Slice& slice) {
    if (takes_.contains({slice.place.partition, slice.place.qos})) return true;
    return questions < kMostQuestions && (*this)(slice).has_value();
  }

  std::size_t questions = 2;  ///< with sinfo and squeue
  std::string refusal;

 private:
  const slurm::JobRequest& request_;
  const AskStart& ask_;
  std::set<std::pair<std::string, std::string>> takes_;
};

// The slice, or a shorter one that starts by then, where Slurm says that it would not: before a reservation.
slurm::Slice that_starts_by(double seconds, const slurm::Slice& slice, const slurm::SpareNeeds& needs,
                            const AskSlice& ask) {
  constexpr int kMostHalvings = 4;
  const double least = std::max(60.0, (1 + slurm::kWorth) * needs.overhead());
  slurm::Slice shorter = slice;
  for (int tries = 0; ask && tries <= kMostHalvings && static_cast<double>(shorter.seconds) >= least; ++tries) {
    const auto start = ask(shorter);
    if (!start) return slice;  // no answer: nodes may not submit
    if (*start <= seconds) return shorter;
    shorter.seconds = shorter.seconds / 120 * 60;
  }
  return slice;
}

}  // namespace

slurm::SpareNeeds spare_needs(const slurm::LayoutNeeds& layout, std::int64_t ranks_per_node, std::int64_t least,
                              std::int64_t most, const slurm::MeasuredSeconds& measured) {
  slurm::SpareNeeds needs;
  for (std::int64_t nodes = std::max<std::int64_t>({1, least, layout.any ? layout.least_nodes : 1}); nodes <= most;
       ++nodes) {
    const auto dp = slurm::fit_data_parallel(layout, nodes * ranks_per_node);
    if (dp && layout.tp * layout.pp * *dp == nodes * ranks_per_node) needs.sizes.push_back(nodes);
  }
  if (needs.sizes.empty()) {
    throw base::InputError(str("--spare: the layout fits no number of nodes from ", std::max<std::int64_t>(1, least),
                               " to slurm.nodes = ", most, " with ", ranks_per_node, " ranks each"));
  }
  needs.most_nodes = most;
  if (measured.start_up > 0) needs.start_up = measured.start_up;
  if (measured.save > 0) needs.save = measured.save;
  return needs;
}

slurm::MeasuredSeconds measured_so_far(const std::vector<slurm::Attempt>& attempts, double now) {
  slurm::MeasuredSeconds measured = slurm::last_measured(attempts);
  if (attempts.empty()) return measured;
  const slurm::Attempt& last = attempts.back();
  const bool no_step = last.end.last_step <= last.start.first_step && last.end.saved_step <= last.start.first_step;
  const double took = last.start.start_up_seconds + (last.end.time > 0 ? last.end.time : now) - last.start.time;
  if (no_step && last.start.time > 0) measured.start_up = std::max(measured.start_up, took);
  return measured;
}

slurm::JobRequest smallest_spare(const SpareRun& wanted, const slurm::Site& site) {
  std::int64_t ranks_per_node = 1;
  const auto places = usable_places(wanted.request, site, ranks_per_node);
  const auto needs =
      spare_needs(wanted.layout, ranks_per_node, wanted.request.min_nodes, wanted.request.nodes, wanted.measured);
  slurm::JobRequest request = request_at(wanted.request, places.front());
  request.nodes = needs.sizes.front();
  request.min_nodes = 0;
  return request;
}

SpareChoice choose_spare(const SpareRun& wanted, const slurm::Site& site, const slurm::RunCommand& run, double now,
                         const AskStart& ask) {
  std::int64_t ranks_per_node = 1;
  const auto places = usable_places(wanted.request, site, ranks_per_node);
  const auto needs =
      spare_needs(wanted.layout, ranks_per_node, wanted.request.min_nodes, wanted.request.nodes, wanted.measured);
  const std::string nodes = answer_of(run, slurm::spare_nodes_command(), "sinfo");
  const std::string jobs = answer_of(run, slurm::spare_jobs_command(), "squeue");
  const slurm::SpareView view = slurm::parse_spare_view(nodes, jobs, now);

  Asker asker(wanted.request, ask);
  auto slice = slurm::find_slice(slurm::spare_slices(needs, places, view, wanted.user), std::ref(asker));
  SpareChoice choice;
  choice.starts_now = slice.has_value();
  for (const slurm::SparePlace& place : places) {
    if (slice) break;
    slice = slurm::waiting_slice(needs, {place}, view, wanted.user);
    if (slice && !asker.takes(*slice)) slice.reset();
  }
  if (!slice && !asker.refusal.empty()) {
    throw base::InputError(str("--spare: Slurm takes this job nowhere where others preempt it: ", asker.refusal));
  }
  if (!slice) {
    throw base::InputError(str("--spare: no partition that preempts takes another job of yours: your spare jobs there ",
                               "have or wait for the slurm.nodes = ", wanted.request.nodes,
                               " nodes, or the least time that is worth a start is too long"));
  }
  choice.slice = *slice;
  choice.longest = static_cast<std::int64_t>(slurm::longest_at(slice->place, needs));
  choice.most_nodes = std::min(needs.most_nodes, slice->place.most_nodes.value_or(needs.most_nodes));
  choice.questions = asker.questions;
  return choice;
}

slurm::SparePlace own_place(const slurm::JobEnvironment& job, std::int64_t longest, std::int64_t most_nodes) {
  return {job.partition, slurm::environment_variable("SLURM_JOB_QOS").value_or(""), longest, most_nodes};
}

std::optional<slurm::Slice> next_slice(slurm::SpareNeeds needs, const slurm::SparePlace& place, const std::string& job,
                                       const std::string& user, const slurm::RunCommand& run, double now,
                                       const AskSlice& ask) {
  const auto nodes = slurm::output_of(run, slurm::spare_nodes_command());
  const auto jobs = nodes ? slurm::output_of(run, slurm::spare_jobs_command()) : std::nullopt;
  if (!jobs) return std::nullopt;
  const slurm::SpareView view = slurm::parse_spare_view(*nodes, *jobs, now);
  const slurm::SpareJob* own = slurm::find_job(view, job);
  if (own == nullptr) return std::nullopt;
  slurm::SpareNeeds now_needs = needs;
  const auto config = slurm::output_of(run, {"scontrol", "show", "config"});
  const bool hidden = !config || slurm::hides_jobs(*config);  // whoever waits cannot be seen here
  if (hidden || slurm::others_wait(view, place.partition, job)) {
    std::erase_if(now_needs.sizes, [&](std::int64_t size) { return size > own->nodes; });
  }
  const auto slices = slurm::spare_slices(now_needs, {place}, view, user, job);
  constexpr double kQueue = 120;
  auto slice = slices.empty() ? slurm::waiting_slice(needs, {place}, view, user, job)
                              : that_starts_by(own->seconds + kQueue, slices.front(), needs, ask);
  if (slice) slice->fewest = std::min(slice->nodes, needs.sizes.front());
  return slice;
}

slurm::JobRequest spare_request(const slurm::JobRequest& request, const slurm::Slice& slice) {
  slurm::JobRequest changed = request_at(request, slice.place);
  changed.nodes = slice.nodes;
  changed.min_nodes = slice.fewest < slice.nodes ? slice.fewest : 0;
  changed.time = slurm::format_slurm_duration(slice.seconds);
  for (const std::string& word : slice.words()) {
    if (word.starts_with("--nice=")) add_word(changed.extra, word);
  }
  // What stands idle is counted in nodes.
  const auto extra = slurm::extra_words(changed.extra);
  if (std::ranges::count(extra, "--exclusive") == 0) add_word(changed.extra, "--exclusive");
  return changed;
}

}  // namespace trireme::launcher
