// A site as a site file (INI), and as JSON.
#pragma once

#include <string>

#include "base/json.hpp"
#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// The site file: every fact with a comment, then [needs]. `needs_section`, when not empty, is put there as it is (an
/// earlier file's: needs_section_of); otherwise it is made from the site's needs. Line breaks in
/// values and reasons become blanks.
std::string to_ini(const Site& site, const std::string& needs_section = "");

/// The lines of a site file from "[needs]" to the next section or the end, comments included; "" without that section.
std::string needs_section_of(const std::string& ini);

/// The first line of a site file that is a comment, lies outside [needs] and is none of to_ini()'s: somebody wrote it,
/// and a refreshed file would not have it. "" when there is none.
std::string foreign_comment(const std::string& ini);

/// All of it, for programs. Durations in seconds, memory in MiB; null: no limit, or not known
/// ("unknown" says why).
base::Json to_json(const Site& site);

}  // namespace trireme::slurm
