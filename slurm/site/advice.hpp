// Says in sentences what a site's settings will do to a job, and what Trireme will do about each.
#pragma once

#include <string>
#include <vector>

#include "slurm/site/site.hpp"

namespace trireme::slurm {

struct Advice {
  std::string topic;                  ///< "Preemption", "Time limit", "Node failure", "Start", "Accounting"
  std::vector<std::string> subjects;  ///< partitions ("gpu") or QOS ("QOS low") that it is about; empty = the site
  std::string text;                   ///< whole sentences, one line

  bool operator==(const Advice&) const = default;
};

/// Returns the advice in the order of the topics above. Partitions that would get the same sentences share one entry.
/// Says "not known" where a fact is in Site::unknown.
std::vector<Advice> advise(const Site& site);

}  // namespace trireme::slurm
