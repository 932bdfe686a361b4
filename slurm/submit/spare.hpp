// Computes on what stands idle, never at the cost of others: which slice of the idle nodes a run takes, for how long,
// and when it takes more or gives back. Pure: what the queue shows goes in, a decision comes out.
//
// How a caller uses it (all questions to Slurm are the caller's; at most 8 to find a slice):
//   1. places = spare_places(site); view = parse_spare_view(sinfo, squeue, now)                      (2 questions)
//   2. slices = spare_slices(needs, places, view, user); find_slice(slices, ask) with `sbatch --test-only` and
//      slice.words() behind `ask`                                                                 (at most 6 more)
//   3. Submit with slice.words(). No slice: submit the smallest size with lowest_words(); it waits and hurts nobody.
//   4. While it runs, once every spare_seconds: SpareWatch::look(view, now, seconds left). Anything but kKeep: save,
//   end
//      with 75, and submit a job of the decision's slice (docs/adr/0009-spare-jobs-change-size.md).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "slurm/job/attempt_ledger.hpp"
#include "slurm/site/site.hpp"
#include "slurm/submit/spare_view.hpp"

namespace trireme::slurm {

/// Where a job can be preempted, and so is in nobody's way.
struct SparePlace {
  std::string partition;
  std::string qos;                         ///< "": the default one
  std::optional<std::int64_t> time_limit;  ///< seconds; nothing = none
  std::optional<std::int64_t> most_nodes;  ///< of one job; nothing = no limit

  bool operator==(const SparePlace&) const = default;
};

/// The places of this site that requeue or cancel a preempted job, the one that others preempt most easily first: by
/// QOS where QOS decide (the one that most others preempt), else the partition of the lowest tier, in the QOS of the
/// lowest priority where they differ, and again without one: not everybody may use every QOS. Empty where nothing
/// preempts: there a spare job would be an ordinary one.
std::vector<SparePlace> spare_places(const Site& site);

struct SpareNeeds {
  std::vector<std::int64_t> sizes;  ///< numbers of nodes that the run's layout can use, ascending, none of them 0
  double start_up = 60;             ///< seconds from the job's start to the first step, as measured
  double save = 10;                 ///< seconds of a save, as measured
  double requeue = 35;              ///< seconds from a job's end to the start of the one that follows it
  double time_limit = 86400;        ///< seconds; the longest that a job may ask for
  std::int64_t most_nodes = 1;      ///< that one user's spare jobs may have and wait for together

  /// Seconds of a slice in which nothing is trained: its start-up and two saves, of which the last may come late.
  double overhead() const { return start_up + 2 * save; }
  /// Seconds that a change of size costs: a save, the way through the queue, a start-up.
  double change() const { return save + requeue + start_up; }
};

/// Seconds that a job may ask for at this place.
double longest_at(const SparePlace& place, const SpareNeeds& needs);

/// What to ask for.
struct Slice {
  SparePlace place;
  std::int64_t nodes = 1;
  std::int64_t fewest = 1;   ///< that it may come back with when it was preempted
  std::int64_t seconds = 0;  ///< time limit: whole minutes, as Slurm has them

  /// Words for sbatch: partition, QOS, nodes, time, and --nice, so that it waits behind others of its own partition
  /// too. (Not --time-min: Slurm 22.05 starts a job with the least time at once, whatever the hole.)
  std::vector<std::string> words() const;
  /// "1 to 4 nodes", "1 node".
  std::string size() const;
  /// Words for sbatch on the script of the job `job`, which has the slice's place already: nodes, time, that it waits
  /// for that job's end, and the nodes that it is not to get. `measured`: seconds of a step and a save; 0: not
  /// measured.
  std::vector<std::string> successor_words(const std::string& job, const std::vector<std::string>& exclude,
                                           double measured) const;
  bool operator==(const Slice&) const = default;
};

/// A slice is worth a start when at least this many times its overhead is left for training.
inline constexpr double kWorth = 3;
/// Questions of sbatch --test-only to find a slice: with squeue and sinfo 8.
inline constexpr std::size_t kMostSlices = 6;

/// The slices that fit into holes, the best first, at most kMostSlices: most work per second, which is
/// nodes * (1 - overhead / time). With 60 s of overhead 4 nodes for 10 minutes (3.6) come before 2 nodes for 10 hours
/// (2.0), since when they end the run takes the next hole. Of the places that give as much the lowest one comes first.
std::vector<Slice> spare_slices(const SpareNeeds& needs, const std::vector<SparePlace>& places, const SpareView& view,
                                const std::string& user, const std::string& without = "");

/// The first slice that would start within a minute. `ask` tells in how many seconds the slice would start; nothing
/// when Slurm refuses it.
std::optional<Slice> find_slice(const std::vector<Slice>& slices,
                                const std::function<std::optional<double>(const Slice&)>& ask);

/// For a run for which no hole is large enough: the smallest size for as long as it is worth a start, at the lowest
/// place where the user's spare jobs leave room for it. `without`: a job that does not count, since it is the run's
/// own.
std::optional<Slice> waiting_slice(const SpareNeeds& needs, const std::vector<SparePlace>& places,
                                   const SpareView& view, const std::string& user, const std::string& without = "");

struct SpareDecision {
  enum class Kind {
    kKeep,    ///< go on
    kGrow,    ///< save, and come back as `slice`, which is larger
    kShrink,  ///< the same, smaller
    kYield,   ///< save, and wait as `slice` for the next hole
  } kind = Kind::kKeep;
  std::optional<Slice> slice;
  std::string why;  ///< one sentence, for the log
};

/// What came of a change of size that the attempt before asked for.
struct SpareChange {
  bool in_vain = false;   ///< it left, and has its nodes back at once: whoever waits cannot use them
  bool got_less = false;  ///< it wanted to grow, and has fewer nodes than it asked for: a limit that nobody sees
};

/// Reads that from the ledger. `attempt`: the one that runs, on `nodes` nodes, since `started` (seconds since the
/// epoch); it may have no line yet.
SpareChange change_before(const std::vector<Attempt>& attempts, int attempt, std::int64_t nodes, double started,
                          const SpareNeeds& needs);

/// Watches one running spare job. It grows when that pays: the work gained until the hole's end or the time limit is
/// more than twice what the change costs, and the nodes stood idle in all looks of the last change() seconds, at least
/// two, and nobody waited for nodes that it might take. It gives back at once: when jobs of others need its nodes
/// before the next look and a save would be over, and when those that could use them wait while the layout leaves some
/// of its nodes idle (it came back on 3 and computes on 2). After a change that came to nothing (`before`) it does not
/// repeat it at once: it gives nothing back for the time of ten changes, or does not grow for an hour. A node of its
/// own is lost when it was in two looks: nodes miss a ping now and then.
class SpareWatch {
 public:
  /// `job`: its id as squeue shows it. `look_seconds`: between two looks.
  SpareWatch(SpareNeeds needs, SparePlace place, std::string job, std::string user, std::int64_t nodes,
             double look_seconds, SpareChange before = {});

  /// `now`: seconds by any clock that does not go back; `left`: seconds of the job's time limit.
  SpareDecision look(const SpareView& view, double now, double left);

  /// Slurm would not start the job that kGrow asked for at `now`: kGrow comes again after two looks, then after twice
  /// as long each time, up to an hour.
  void refused(double now);

 private:
  std::optional<Slice> best(const SpareView& view, std::int64_t least, std::int64_t most) const;
  std::optional<SpareDecision> give_back(const SpareView& view, const std::vector<double>& lengths, double left) const;

  SpareNeeds needs_;
  SparePlace place_;
  std::string job_;
  std::string user_;
  std::int64_t nodes_;
  double look_seconds_;
  SpareChange before_;
  std::optional<double> began_;  ///< the time of the first look
  double refusal_seconds_ = 0;   ///< how long kGrow does not come after the last refusal
  double no_growth_until_ = -std::numeric_limits<double>::infinity();
  std::optional<double> larger_since_;  ///< since when more nodes were worth taking in every look
  int larger_looks_ = 0;
  std::set<std::string> lost_;  ///< own nodes that took no jobs in the last look
};

}  // namespace trireme::slurm
