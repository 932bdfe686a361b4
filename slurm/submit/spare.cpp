#include "slurm/submit/spare.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
#include "slurm/job/start_reason.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/preemption.hpp"
#include "slurm/submit/settings.hpp"

namespace trireme::slurm {
namespace {

constexpr double kSoon = 60;  // a slice that starts later is none of what stands idle now
constexpr double kPays = 2;   // a change must bring more than this many times what it costs
constexpr double kCalm = 10;  // times what a change costs, after one that came to nothing
constexpr double kHour = 3600;
constexpr int kLooks = 2;  // in which the nodes must have stood idle

bool comes_back(PreemptMode mode) { return mode == PreemptMode::kRequeue || mode == PreemptMode::kCancel; }

std::optional<std::int64_t> smaller(const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::int64_t whole_minutes(double seconds) { return static_cast<std::int64_t>(std::floor(seconds / 60)) * 60; }
std::int64_t minutes_up(double seconds) { return static_cast<std::int64_t>(std::ceil(seconds / 60)) * 60; }

// The QOS that jobs of the partition may have, those of the lowest priority first.
std::vector<Qos> allowed_qos(const Site& site, const Partition& partition) {
  std::vector<Qos> allowed = site.qos;
  std::erase_if(allowed, [&](const Qos& qos) {
    return !partition.allow_qos.empty() && std::ranges::count(partition.allow_qos, qos.name) == 0;
  });
  std::ranges::stable_sort(allowed, {}, &Qos::priority);
  return allowed;
}

double least_seconds(const SpareNeeds& needs) { return (1 + kWorth) * needs.overhead(); }

// Work per second of a slice, in nodes.
double rate(const Slice& slice, const SpareNeeds& needs) {
  return static_cast<double>(slice.nodes) * (1 - needs.overhead() / static_cast<double>(slice.seconds));
}

/// The slice of so many nodes for a hole of that length; nothing when it is not worth a start.
std::optional<Slice> slice_for(const SparePlace& place, const SpareNeeds& needs, std::int64_t nodes, double hole) {
  const std::int64_t seconds = whole_minutes(std::min(hole, longest_at(place, needs)));
  const std::int64_t least = std::max<std::int64_t>(60, minutes_up(least_seconds(needs)));
  if (seconds < least) return std::nullopt;
  return Slice{place, nodes, std::min(nodes, needs.sizes.front()), seconds};
}

double length_of(const std::vector<double>& lengths, std::int64_t nodes) {
  const auto n = static_cast<std::size_t>(nodes);
  return n >= 1 && n <= lengths.size() ? lengths[n - 1] : 0;
}

// The most nodes that "stopped to go on with 1 to 4 nodes" names; 0 for another reason.
std::int64_t asked_nodes(std::string_view reason) {
  constexpr std::string_view kTo = " to ";
  const std::string_view begin = kStoppedForSize;
  if (!reason.starts_with(begin)) return 0;
  reason.remove_prefix(begin.size());
  if (const std::size_t to = reason.find(kTo); to != std::string_view::npos) reason.remove_prefix(to + kTo.size());
  std::int64_t nodes = 0;
  std::from_chars(reason.data(), reason.data() + reason.size(), nodes);
  return nodes;
}

}  // namespace

double longest_at(const SparePlace& place, const SpareNeeds& needs) {
  return std::min(needs.time_limit, place.time_limit ? static_cast<double>(*place.time_limit) : needs.time_limit);
}

std::vector<SparePlace> spare_places(const Site& site) {
  struct Ranked {
    SparePlace place;
    std::int64_t rank = 0;  ///< the smaller, the more easily preempted
    bool cancels = false;
  };
  std::vector<Ranked> found;
  const bool by_qos = site.preempt_type == "preempt/qos";
  for (const Partition& partition : site.partitions) {
    if (partition.state != "up") continue;
    const auto consider = [&](const std::string& qos, std::int64_t rank, std::optional<std::int64_t> limit) {
      const Preemption preemption = preemption_of(site, partition, qos);
      if (!comes_back(preemption.mode)) return;
      found.push_back({{partition.name, qos, smaller(limit, partition.time_limit), partition.max_nodes},
                       rank,
                       preemption.mode == PreemptMode::kCancel});
    };
    const std::vector<Qos> allowed = allowed_qos(site, partition);  // the lowest first
    if (by_qos) {
      for (const Qos& qos : allowed)
        consider(qos.name, -static_cast<std::int64_t>(qos.preempted_by.size()), qos.time_limit);
      continue;
    }
    // Who preempts is a matter of partitions here, who waits for whom one of QOS. Not everybody may use the lowest.
    const bool differ = !allowed.empty() && allowed.front().priority < allowed.back().priority;
    if (differ) consider(allowed.front().name, partition.priority_tier, allowed.front().time_limit);
    consider("", partition.priority_tier, std::nullopt);
  }
  std::ranges::stable_sort(found, [](const Ranked& a, const Ranked& b) {
    return std::pair(a.cancels, a.rank) < std::pair(b.cancels, b.rank);  // a cancelled job does not come back by itself
  });
  std::vector<SparePlace> places;
  for (Ranked& one : found) places.push_back(std::move(one.place));
  return places;
}

std::vector<std::string> Slice::words() const {
  std::vector<std::string> words = {"--partition=" + place.partition};
  if (!place.qos.empty()) words.push_back("--qos=" + place.qos);
  words.push_back(nodes_word(fewest, nodes));
  words.push_back("--time=" + format_slurm_duration(seconds));
  words.push_back(base::str("--nice=", kSpareNice));
  return words;
}

std::string Slice::size() const {
  return base::str(fewest < nodes ? base::str(fewest, " to ") : "", nodes, nodes == 1 ? " node" : " nodes");
}

std::vector<std::string> Slice::successor_words(const std::string& job, const std::vector<std::string>& exclude,
                                                double measured) const {
  std::vector<std::string> words = {nodes_word(fewest, nodes), "--time=" + format_slurm_duration(seconds),
                                    signal_word(seconds, measured), "--dependency=afterany:" + job};
  if (!exclude.empty()) words.push_back("--exclude=" + base::join(exclude, ","));
  return words;
}

std::vector<Slice> spare_slices(const SpareNeeds& needs, const std::vector<SparePlace>& places, const SpareView& view,
                                const std::string& user, const std::string& without) {
  std::vector<Slice> slices;
  for (const SparePlace& place : places) {
    const std::vector<double> lengths = holes(view, place.partition, without);
    const std::int64_t most = needs.most_nodes - nodes_of(view, user, place.partition, without);
    for (const std::int64_t nodes : needs.sizes) {
      if (nodes > std::min(most, place.most_nodes.value_or(most))) continue;
      if (auto slice = slice_for(place, needs, nodes, length_of(lengths, nodes))) slices.push_back(*slice);
    }
  }
  // A QOS that allows less time is still the lower one: of the slices of a partition the first counts as much as the
  // best.
  const auto rate_there = [&, all = slices](const Slice& slice) {
    double best = 0;
    for (const Slice& one : all) {
      if (one.place.partition == slice.place.partition && one.nodes == slice.nodes)
        best = std::max(best, rate(one, needs));
    }
    return best;
  };
  std::ranges::stable_sort(slices, std::ranges::greater{}, rate_there);
  if (slices.size() > kMostSlices) slices.resize(kMostSlices);
  return slices;
}

std::optional<Slice> find_slice(const std::vector<Slice>& slices,
                                const std::function<std::optional<double>(const Slice&)>& ask) {
  std::size_t asked = 0;
  for (const Slice& slice : slices) {
    if (asked++ == kMostSlices) break;
    const auto start = ask(slice);
    if (start && *start <= kSoon) return slice;
  }
  return std::nullopt;
}

std::optional<Slice> waiting_slice(const SpareNeeds& needs, const std::vector<SparePlace>& places,
                                   const SpareView& view, const std::string& user, const std::string& without) {
  if (needs.sizes.empty()) return std::nullopt;
  for (const SparePlace& place : places) {
    if (needs.sizes.front() > needs.most_nodes - nodes_of(view, user, place.partition, without)) continue;
    if (place.most_nodes && needs.sizes.front() > *place.most_nodes) continue;
    const double long_enough = std::max(3600.0, 10 * needs.overhead());
    if (auto slice = slice_for(place, needs, needs.sizes.front(), long_enough)) return slice;
  }
  return std::nullopt;
}

SpareChange change_before(const std::vector<Attempt>& attempts, int attempt, std::int64_t nodes, double started,
                          const SpareNeeds& needs) {
  const auto before = std::ranges::find(attempts, attempt - 1, &Attempt::number);
  if (before == attempts.end() || !before->ended) return {};
  const std::int64_t asked = asked_nodes(before->end.reason), had = std::ssize(before->start.hosts);
  if (asked == 0) return {};
  const bool at_once = started - before->end.time < 2 * needs.change();
  return {.in_vain = at_once && asked <= had && nodes >= had, .got_less = asked > had && nodes < asked};
}

SpareWatch::SpareWatch(SpareNeeds needs, SparePlace place, std::string job, std::string user, std::int64_t nodes,
                       double look_seconds, SpareChange before)
    : needs_(std::move(needs)),
      place_(std::move(place)),
      job_(std::move(job)),
      user_(std::move(user)),
      nodes_(nodes),
      look_seconds_(look_seconds),
      before_(before) {}

void SpareWatch::refused(double now) {
  refusal_seconds_ = std::min(kHour, 2 * std::max(refusal_seconds_, look_seconds_));
  no_growth_until_ = now + refusal_seconds_;
}

std::optional<Slice> SpareWatch::best(const SpareView& view, std::int64_t least, std::int64_t most) const {
  SpareNeeds needs = needs_;
  std::erase_if(needs.sizes, [&](std::int64_t nodes) { return nodes < least || nodes > most; });
  auto slices = spare_slices(needs, {place_}, view, user_, job_);
  if (slices.empty()) return std::nullopt;
  slices.front().fewest = needs_.sizes.front();
  return slices.front();
}

std::optional<SpareDecision> SpareWatch::give_back(const SpareView& view, const std::vector<double>& lengths,
                                                   double left) const {
  const double ours = length_of(lengths, nodes_);
  if (ours >= left || ours > look_seconds_ + 2 * needs_.save) return std::nullopt;
  if (auto slice = best(view, 1, nodes_ - 1)) {
    return SpareDecision{SpareDecision::Kind::kShrink, slice,
                         base::str("others need nodes: going on with ", slice->nodes, " of ", nodes_)};
  }
  return SpareDecision{SpareDecision::Kind::kYield, waiting_slice(needs_, {place_}, view, user_, job_),
                       base::str("others need the ", nodes_, " nodes: waiting for the next hole")};
}

SpareDecision SpareWatch::look(const SpareView& view, double now, double left) {
  const SpareJob* own = find_job(view, job_);
  if (own == nullptr || !view.partitions.contains(place_.partition)) return {};
  SpareView claims = claims_on(view, *own);
  const std::set<std::string> lost_before = std::exchange(lost_, {});
  for (const std::string& host : own->hosts) {
    if (!view.unusable.contains(host)) continue;
    lost_.insert(host);
    if (!lost_before.contains(host)) claims.unusable.erase(host);
  }
  const std::vector<double> lengths = holes(claims, place_.partition, job_);
  if (!began_) began_ = now;
  const bool stays = before_.in_vain && lost_.empty() && now - *began_ < kCalm * needs_.change();
  if (auto decision = give_back(claims, lengths, left); decision && !stays) return *decision;
  const bool awaited = others_wait(view, place_.partition, job_);
  if (others_wait(claims, place_.partition, job_) && std::ranges::count(needs_.sizes, nodes_) == 0) {
    if (auto slice = best(view, 1, nodes_ - 1)) {
      return {SpareDecision::Kind::kShrink, slice,
              base::str("others wait, and the layout uses ", slice->nodes, " of the ", nodes_, " nodes only")};
    }
  }
  const auto larger = awaited ? std::nullopt : best(view, nodes_ + 1, needs_.most_nodes);
  const double ours = std::min(left, length_of(lengths, nodes_));
  const auto pays = [&](const Slice& slice) {
    // Compared over the time that both could run. The larger one trains nothing while it changes.
    const double horizon = static_cast<double>(slice.seconds);
    const double gained = static_cast<double>(slice.nodes - nodes_) * (horizon - needs_.change());
    const double cost = static_cast<double>(nodes_) * needs_.change();
    return gained > kPays * cost && horizon > (1 + kWorth) * needs_.change() && ours > needs_.change();
  };
  if (!larger || !pays(*larger)) {
    larger_since_.reset();
    larger_looks_ = 0;
    return {};
  }
  if (!larger_since_) larger_since_ = now;
  ++larger_looks_;
  if (larger_looks_ < kLooks || now - *larger_since_ < needs_.change()) return {};
  if (now < no_growth_until_ || (before_.got_less && now - *began_ < kHour)) return {};
  return {SpareDecision::Kind::kGrow, larger,
          base::str(larger->nodes - nodes_, larger->nodes == nodes_ + 1 ? " more node has" : " more nodes have",
                    " stood idle for ", std::llround(now - *larger_since_), " s: going on with ", larger->nodes)};
}

}  // namespace trireme::slurm
