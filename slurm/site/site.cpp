#include "slurm/site/site.hpp"

#include <algorithm>

namespace trireme::slurm {

const Partition* Site::partition(const std::string& name) const {
  const auto found = std::find_if(partitions.begin(), partitions.end(), [&](const Partition& candidate) {
    return name.empty() ? candidate.is_default : candidate.name == name;
  });
  if (found != partitions.end()) return &*found;
  return name.empty() && !partitions.empty() ? &partitions.front() : nullptr;
}

const Qos* Site::quality(const std::string& name) const {
  const auto found = std::find_if(qos.begin(), qos.end(), [&](const Qos& candidate) { return candidate.name == name; });
  return found == qos.end() ? nullptr : &*found;
}

}  // namespace trireme::slurm
