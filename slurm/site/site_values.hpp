// Builds a site from the keys and values of a site file, and finds the differences between two sites.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// "section.key" (partitions: "partition.gpu.grace") and text, in the order of the file.
using SiteValues = std::vector<std::pair<std::string, std::string>>;

/// Builds a site from what a file holds. Throws base::InputError for an unknown section or key (naming the nearest), a
/// key given twice, and a value that cannot be read.
Site site_from_values(const SiteValues& values);

/// Lists the facts that differ, as "partition.gpu.grace: 0 -> 120"; a partition or QOS that only one side has is listed
/// by its name.
std::vector<std::string> changes_between(const Site& before, const Site& after);

}  // namespace trireme::slurm
