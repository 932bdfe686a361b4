// Checks whether every rank has CPUs of its own.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "collectives/topology/placement.hpp"
#include "launcher/console/format.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {
namespace {

using base::str;
using Mask = std::vector<int>;
using RanksOfMask = std::map<Mask, std::vector<int>>;

const Rank& rank_at(const Survey& survey, int rank) { return survey.ranks.at(static_cast<std::size_t>(rank)); }

std::string number(double value) {
  std::string text = str(std::round(value * 10) / 10);
  return text;
}

/// Ranks that are bound differently and still compete: they hold a CPU that ranks with another mask hold too, or their
/// mask has fewer CPUs than ranks. `cpu`: the first such CPU. A mask that all ranks of the node share is not a binding.
struct Conflict {
  std::vector<int> ranks;
  int cpu = -1;
};

Conflict conflict_of(const RanksOfMask& masks) {
  Conflict conflict;
  if (masks.size() < 2) return conflict;
  std::map<int, std::vector<const RanksOfMask::value_type*>> holders;
  for (const auto& entry : masks) {
    for (const int cpu : entry.first) holders[cpu].push_back(&entry);
  }
  std::vector<const RanksOfMask::value_type*> fighting;
  for (const auto& [cpu, groups] : holders) {
    const bool crowded = groups.front()->second.size() > groups.front()->first.size();
    if (groups.size() < 2 && !crowded) continue;
    if (conflict.cpu < 0) conflict.cpu = cpu;
    fighting.insert(fighting.end(), groups.begin(), groups.end());
  }
  std::sort(fighting.begin(), fighting.end());
  fighting.erase(std::unique(fighting.begin(), fighting.end()), fighting.end());
  for (const auto* group : fighting)
    conflict.ranks.insert(conflict.ranks.end(), group->second.begin(), group->second.end());
  std::sort(conflict.ranks.begin(), conflict.ranks.end());
  return conflict;
}

void find_binding(const Survey& survey, const std::vector<RanksOfMask>& masks, std::vector<Finding>& findings) {
  std::vector<int> ranks;
  std::vector<int> first;
  int cpu = -1;
  std::size_t nodes = 0;
  for (const RanksOfMask& of_node : masks) {
    const Conflict conflict = conflict_of(of_node);
    if (conflict.ranks.empty()) continue;
    if (++nodes == 1) {
      first = conflict.ranks;
      cpu = conflict.cpu;
    }
    ranks.insert(ranks.end(), conflict.ranks.begin(), conflict.ranks.end());
  }
  if (nodes == 0) return;
  std::sort(ranks.begin(), ranks.end());
  findings.push_back({Severity::kDefect, "cpu",
                      str(places(survey, first), " are bound to CPUs that they share, CPU ", cpu, " first",
                          nodes > 1 ? str(" (and on ", nodes - 1, " more hosts likewise)") : "",
                          ": each waits for the other; let the launcher bind every rank to CPUs of its own, or none "
                          "(mpirun --bind-to none)"),
                      ranks, "shared CPU"});
}

void find_crowded(const Survey& survey, const std::vector<RanksOfMask>& masks, std::vector<Finding>& findings) {
  std::vector<int> ranks;
  for (const RanksOfMask& of_node : masks) {
    if (of_node.size() != 1) continue;
    const auto& [mask, there] = *of_node.begin();
    if (there.size() > mask.size()) ranks.insert(ranks.end(), there.begin(), there.end());
  }
  if (ranks.empty()) return;
  std::sort(ranks.begin(), ranks.end());
  const std::size_t cpus = rank_at(survey, ranks.front()).cpus.size();
  findings.push_back({Severity::kWarning, "cpu",
                      str(places(survey, ranks), has(ranks), " fewer CPUs than there are ranks on the host (", cpus,
                          "), which will be slow: start fewer ranks per node, or ask for more (--cpus-per-task)"),
                      ranks, "few CPUs"});
}

void find_few(const Survey& survey, std::vector<Finding>& findings) {
  std::vector<topology::Place> places_of_ranks;
  for (const Rank& rank : survey.ranks) places_of_ranks.push_back({rank.rank, rank.host, "", rank.cpus});
  const std::vector<double> of_ranks = topology::cpu_shares(places_of_ranks);
  const double median = upper_median(of_ranks);
  std::vector<int> few;
  for (const Rank& rank : survey.ranks) {
    if (of_ranks[static_cast<std::size_t>(rank.rank)] < kSlowShare * median) few.push_back(rank.rank);
  }
  if (few.empty()) return;
  findings.push_back({Severity::kWarning, "cpu",
                      str(places(survey, few), has(few), " ", number(of_ranks[static_cast<std::size_t>(few.front())]),
                          " CPUs where most have ", number(median),
                          ": the others wait for them; ask for the same --cpus-per-task on every node"),
                      few, "few CPUs"});
}

void find_quota(const Survey& survey, std::vector<Finding>& findings) {
  std::vector<int> limited;
  for (const Rank& rank : survey.ranks) {
    if (rank.cpu_quota > 0 && rank.cpu_quota < static_cast<double>(rank.cpus.size())) limited.push_back(rank.rank);
  }
  if (limited.empty()) return;
  const Rank& first = rank_at(survey, limited.front());
  findings.push_back({Severity::kWarning, "cpu",
                      str(places(survey, limited), " may use the time of ", number(first.cpu_quota), " CPUs of the ",
                          first.cpus.size(),
                          " in the mask (the control group's quota), and is stopped when it is used "
                          "up: give the container or job as many CPUs as its mask shows"),
                      limited, "CPU quota"});
}

}  // namespace

std::vector<Finding> judge_cpus(const Survey& survey) {
  std::map<std::string, RanksOfMask> by_host;
  for (const Rank& rank : survey.ranks) by_host[rank.host][rank.cpus].push_back(rank.rank);
  std::vector<RanksOfMask> masks;
  for (const Node& node : nodes_of(survey.ranks)) masks.push_back(by_host[node.host]);
  std::vector<Finding> findings;
  find_binding(survey, masks, findings);
  find_crowded(survey, masks, findings);
  find_few(survey, findings);
  find_quota(survey, findings);
  return findings;
}

}  // namespace trireme::doctor
