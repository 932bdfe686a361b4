// Finds slow links, and whether one node causes them.
#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {
namespace {

using base::str;

std::string rate_text(double rate) { return launcher::format_bytes(rate) + "/s"; }

/// The host that all of these links have in common, if there are several links and no second such host; otherwise "".
std::string common_host(const Survey& survey, const std::vector<const Link*>& links) {
  std::map<std::string, std::size_t> counts;
  for (const Link* link : links) {
    const std::set<std::string> ends = {survey.ranks.at(static_cast<std::size_t>(link->first)).host,
                                        survey.ranks.at(static_cast<std::size_t>(link->second)).host};
    for (const std::string& host : ends) ++counts[host];
  }
  std::vector<std::string> everywhere;
  for (const auto& [host, count] : counts) {
    if (count == links.size()) everywhere.push_back(host);
  }
  return links.size() > 1 && everywhere.size() == 1 ? everywhere.front() : "";
}

void find_slow(const Survey& survey, LinkKind kind, std::vector<Finding>& findings) {
  std::vector<double> rates;
  for (const Link& link : survey.links) {
    if (link.kind == kind) rates.push_back(link.rate);
  }
  const double median = upper_median(rates);
  std::vector<const Link*> slow;
  std::set<int> ends;
  for (const Link& link : survey.links) {
    if (link.kind != kind || link.rate >= kSlowShare * median) continue;
    slow.push_back(&link);
    ends.insert({link.first, link.second});
  }
  if (slow.empty()) return;
  const Link& slowest =
      **std::min_element(slow.begin(), slow.end(), [](const Link* a, const Link* b) { return a->rate < b->rate; });
  const std::string blamed = kind == LinkKind::kBetweenNodes ? common_host(survey, slow) : "";
  std::vector<int> marked(ends.begin(), ends.end());
  if (!blamed.empty()) {
    std::erase_if(marked, [&](int rank) { return survey.ranks.at(static_cast<std::size_t>(rank)).host != blamed; });
  }
  findings.push_back(
      {Severity::kWarning, "link",
       str("the link between ", places(survey, {slowest.first}), " and ", places(survey, {slowest.second}), " carries ",
           rate_text(slowest.rate), ", the median ", kind == LinkKind::kWithinNode ? "within" : "between", " nodes is ",
           rate_text(median), slow.size() > 1 ? str(" (", slow.size(), " links are slower than half of it)") : "",
           blamed.empty() ? ": every collective waits for it"
                          : str(": host ", blamed, " is on all of them; leave it out (--exclude) or report it")),
       marked, "slow link"});
}

}  // namespace

std::vector<Finding> judge_links(const Survey& survey) {
  std::vector<Finding> findings;
  find_slow(survey, LinkKind::kWithinNode, findings);
  find_slow(survey, LinkKind::kBetweenNodes, findings);
  return findings;
}

}  // namespace trireme::doctor
