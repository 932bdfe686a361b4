// A site as a site file (INI), and as JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// "section.key" (partitions: "partition.gpu.grace") and text, in the order of the file.
using SiteValues = std::vector<std::pair<std::string, std::string>>;

/// The site file: every fact with a comment, then [needs]. `needs_section`, when not empty, is put there as it is (an
/// earlier file's: needs_section_of); otherwise it is made from the site's needs, which must not hold a '#'.
std::string to_ini(const Site& site, const std::string& needs_section = "");

/// The lines of a site file from "[needs]" to the next section or the end, comments included; "" without that section.
std::string needs_section_of(const std::string& ini);

/// Builds a site from what a file holds. Throws base::InputError: unknown section or key (naming the nearest), a key
/// given twice, a value that is none.
Site site_from_values(const SiteValues& values);

/// The facts that differ, as "partition.gpu.grace: 0 -> 120"; a partition or QOS that only one side has by its name.
std::vector<std::string> changes_between(const Site& before, const Site& after);

/// All of it, for programs. Durations in seconds, memory in MiB; null: no limit, or not known
/// ("unknown" says why).
base::Json to_json(const Site& site);

}  // namespace trireme::slurm
