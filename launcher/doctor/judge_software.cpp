// Checks whether all ranks have the same memory and the same libraries.
#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "launcher/doctor/common_value.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {
namespace {

using base::str;

/// Name -> rank -> version, for all ranks that have the library.
std::map<std::string, std::map<int, std::string>> by_name(const Survey& survey, Versions Rank::*which) {
  std::map<std::string, std::map<int, std::string>> names;
  for (const Rank& rank : survey.ranks) {
    for (const auto& [name, version] : rank.*which) names[name][rank.rank] = version;
  }
  return names;
}

void find_versions(const Survey& survey, std::vector<Finding>& findings) {
  for (const auto& [name, versions] : by_name(survey, &Rank::versions)) {
    const Minority minority = minority_of(versions);
    if (minority.ranks.empty()) continue;
    findings.push_back({Severity::kDefect, "version",
                        str(places(survey, minority.ranks), has(minority.ranks), " ", name, " ",
                            versions.at(minority.ranks.front()), " where most have ", minority.common,
                            ": load the same modules on all nodes, and start one installation of trireme everywhere"),
                        minority.ranks, str("other ", name)});
  }
}

void find_files(const Survey& survey, std::vector<Finding>& findings) {
  std::set<int> ranks;
  std::set<std::string> libraries;
  for (const auto& [name, identities] : by_name(survey, &Rank::files)) {
    const Minority minority = minority_of(identities);
    if (minority.ranks.empty()) continue;
    libraries.insert(name);
    ranks.insert(minority.ranks.begin(), minority.ranks.end());
  }
  if (ranks.empty()) return;
  constexpr std::ptrdiff_t kNamed = 3;
  std::string names;
  for (auto at = libraries.begin(); at != libraries.end() && std::distance(libraries.begin(), at) < kNamed; ++at) {
    names += (names.empty() ? "" : ", ") + *at;
  }
  if (std::ssize(libraries) > kNamed) names += ", …";
  const std::vector<int> others(ranks.begin(), ranks.end());
  findings.push_back(
      {Severity::kWarning, "version",
       str(places(survey, others), has(others), " loaded other builds of ", libraries.size(),
           libraries.size() == 1 ? " library" : " libraries", " than most (", names,
           "): harmless where only the system's patch level differs; results may differ in the last bits"),
       others, "other builds"});
}

}  // namespace

std::vector<Finding> judge_memory(const Survey& survey) {
  std::vector<double> limits;
  for (const Rank& rank : survey.ranks) limits.push_back(static_cast<double>(rank.memory_bytes));
  const double median = upper_median(limits);
  std::vector<int> far;
  std::vector<int> other;
  for (const Rank& rank : survey.ranks) {
    const double share = static_cast<double>(rank.memory_bytes) / std::max(median, 1.0);
    if (share < kSlowShare) {
      far.push_back(rank.rank);
    } else if (share < 1 - kMemoryTolerance || share > 1 + kMemoryTolerance) {
      other.push_back(rank.rank);
    }
  }
  std::vector<Finding> findings;
  const auto add = [&](Severity severity, const std::vector<int>& ranks) {
    if (ranks.empty()) return;
    findings.push_back({severity, "memory",
                        str(places(survey, ranks), " may use ",
                            launcher::format_bytes(limits[static_cast<std::size_t>(ranks.front())]),
                            " of memory where most may use ", launcher::format_bytes(median),
                            ": ask for the same memory on every node (--mem), or for one kind of node"),
                        ranks, severity == Severity::kDefect ? "little memory" : "other memory"});
  };
  add(Severity::kDefect, far);
  add(Severity::kWarning, other);
  return findings;
}

std::vector<Finding> judge_versions(const Survey& survey) {
  std::vector<Finding> findings;
  find_versions(survey, findings);
  find_files(survey, findings);
  return findings;
}

}  // namespace trireme::doctor
