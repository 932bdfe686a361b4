// Checks the run directory, its file system, and the nodes' clocks.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {
namespace {

using base::str;

std::vector<int> ranks_of(const std::vector<const Node*>& nodes) {
  std::vector<int> ranks;
  for (const Node* node : nodes) ranks.insert(ranks.end(), node->ranks.begin(), node->ranks.end());
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

std::string more(std::size_t nodes) {
  if (nodes < 2) return "";
  return str(" (and ", nodes - 1, nodes == 2 ? " more host)" : " more hosts)");
}

/// Adds a finding for nodes whose rate is an outlier.
void find_slow(const Survey& survey, double Node::*rate, const char* verb, const char* mark,
               std::vector<Finding>& findings) {
  std::vector<double> rates;
  for (const Node& node : survey.nodes) {
    if (node.*rate > 0) rates.push_back(node.*rate);
  }
  const double median = upper_median(rates);
  std::vector<const Node*> slow;
  for (const Node& node : survey.nodes) {
    if (node.*rate > 0 && node.*rate < kSlowShare * median) slow.push_back(&node);
  }
  if (slow.empty()) return;
  const auto slowest =
      std::min_element(slow.begin(), slow.end(), [&](const Node* a, const Node* b) { return a->*rate < b->*rate; });
  findings.push_back(
      {Severity::kWarning, "disk",
       str("host ", (*slowest)->host, " ", verb, " the run directory at ", launcher::format_bytes((*slowest)->*rate),
           "/s", more(slow.size()), ", the median is ", launcher::format_bytes(median),
           "/s: every checkpoint waits for the slowest host; leave it out (--exclude) or report it"),
       ranks_of(slow), mark});
}

}  // namespace

std::vector<Finding> judge_clocks(const Survey& survey) {
  std::vector<double> offsets;
  for (const Node& node : survey.nodes) offsets.push_back(node.clock_seconds);
  const double median = upper_median(offsets);
  std::vector<const Node*> wrong;
  for (const Node& node : survey.nodes) {
    if (std::abs(node.clock_seconds - median) > kClockSeconds + node.clock_error_seconds) wrong.push_back(&node);
  }
  if (wrong.empty()) return {};
  const double off = wrong.front()->clock_seconds - median;
  return {{Severity::kWarning, "clock",
           str("the clock of host ", wrong.front()->host, " is ", launcher::format_duration(std::abs(off)),
               off > 0 ? " ahead of" : " behind", " the others", more(wrong.size()),
               ": times in logs cannot be compared, and Slurm's credentials fail at some minutes; tell the "
               "administrator (time synchronisation)"),
           ranks_of(wrong), "clock"}};
}

std::vector<Finding> judge_directory(const Survey& survey) {
  std::vector<int> blind;
  std::vector<int> mute;
  std::vector<int> unseen;
  for (std::size_t i = 0; i < survey.views.size(); ++i) {
    const DirectoryView& view = survey.views[i];
    const bool can_be_seen = survey.views.front().writes;
    const int rank = static_cast<int>(i);
    if (can_be_seen && !view.sees) {
      blind.push_back(rank);
    } else if (!view.writes) {
      mute.push_back(rank);
    } else if (!view.seen) {
      unseen.push_back(rank);
    }
  }
  const auto view_of = [&](const std::vector<int>& ranks) {
    return survey.views[static_cast<std::size_t>(ranks.front())];
  };
  std::vector<Finding> findings;
  if (!mute.empty()) {
    findings.push_back({Severity::kDefect, "directory",
                        str(places(survey, mute), " cannot write into the run directory: ", view_of(mute).error,
                            "; choose one on a file system that all nodes share and that you may write to (run.dir)"),
                        mute, "cannot write"});
  }
  if (!blind.empty()) {
    findings.push_back(
        {Severity::kDefect, "directory",
         str("the run directory ", survey.directory, " is not the same on all nodes: ", places(survey, blind),
             blind.size() == 1 ? " does" : " do", " not see the file that rank 0 wrote there (rank 0's file system is ",
             survey.views.front().file_system, ", the other is ", view_of(blind).file_system,
             "); choose one on a file system that all nodes share (run.dir)"),
         blind, "not shared"});
  }
  if (!unseen.empty()) {
    findings.push_back(
        {Severity::kDefect, "directory",
         str("rank 0 does not see the file in ", survey.directory, " that was written by ", places(survey, unseen),
             "; choose a run directory on a file system that all nodes share (run.dir)"),
         unseen, "not seen"});
  }
  return findings;
}

std::vector<Finding> judge_disks(const Survey& survey) {
  std::vector<Finding> findings;
  std::vector<const Node*> failed;
  for (const Node& node : survey.nodes) {
    if (!node.disk_error.empty()) failed.push_back(&node);
  }
  if (!failed.empty()) {
    findings.push_back({Severity::kDefect, "disk",
                        str("host ", failed.front()->host, " cannot write and read back a file in the run directory",
                            more(failed.size()), ": ", failed.front()->disk_error),
                        ranks_of(failed), "disk error"});
  }
  find_slow(survey, &Node::write_rate, "writes to", "slow write", findings);
  find_slow(survey, &Node::read_rate, "reads from", "slow read", findings);
  return findings;
}

}  // namespace trireme::doctor
