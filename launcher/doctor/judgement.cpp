#include "launcher/doctor/judgement.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "collectives/topology/placement.hpp"

namespace trireme::doctor {

using base::str;

std::vector<Finding> judge(const Survey& survey) {
  std::vector<Finding> findings;
  for (const auto& part : {judge_gpus, judge_cpus, judge_memory, judge_versions, judge_clocks, judge_directory,
                           judge_disks, judge_links}) {
    const std::vector<Finding> found = part(survey);
    findings.insert(findings.end(), found.begin(), found.end());
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

double upper_median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string places(const Survey& survey, const std::vector<int>& ranks) {
  constexpr std::size_t kNamedHosts = 2;
  std::vector<std::pair<std::string, std::vector<int>>> hosts;
  std::map<std::string, std::size_t> found;
  for (const int rank : ranks) {
    const std::string& host = survey.ranks.at(static_cast<std::size_t>(rank)).host;
    const auto [at, is_new] = found.try_emplace(host, hosts.size());
    if (is_new) hosts.emplace_back(host, std::vector<int>{});
    hosts[at->second].second.push_back(rank);
  }
  std::string text;
  std::size_t named = 0;
  for (; named < std::min(hosts.size(), kNamedHosts); ++named) {
    const auto& [host, there] = hosts[named];
    const bool last = named + 1 == hosts.size();
    if (named > 0) text += last ? " and " : ", ";
    text += str(there.size() == 1 ? "rank " : "ranks ", topology::cpu_list(there), " on host ", host);
  }
  if (named == hosts.size()) return text;
  std::size_t more = 0;
  for (std::size_t i = named; i < hosts.size(); ++i) more += hosts[i].second.size();
  const std::size_t more_hosts = hosts.size() - named;
  return str(text, " and ", more, more == 1 ? " rank on " : " ranks on ", more_hosts, " more ",
             more_hosts == 1 ? "host" : "hosts");
}

const char* has(const std::vector<int>& ranks) { return ranks.size() == 1 ? " has" : " have"; }

}  // namespace trireme::doctor
