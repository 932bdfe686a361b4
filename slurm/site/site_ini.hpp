// Writes a site as a site file (INI) and as JSON.
#pragma once

#include <string>

#include "base/json.hpp"
#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// Writes the site file: every fact with a comment, then [needs]. When `needs_section` is not empty, it is put there as
/// it is (an earlier file's: needs_section_of); otherwise the section is made from the site's needs. Line breaks in
/// values and reasons become blanks.
std::string to_ini(const Site& site, const std::string& needs_section = "");

/// The lines of a site file from "[needs]" to the next section or the end, with comments; "" without that section.
std::string needs_section_of(const std::string& ini);

/// The first comment line of a site file that lies outside [needs] and that to_ini() did not write: somebody added it,
/// and a refreshed file would not have it. "" when there is none.
std::string foreign_comment(const std::string& ini);

/// Returns everything, for programs: durations in seconds, memory in MiB; null means no limit or not known ("unknown"
/// says why).
base::Json to_json(const Site& site);

}  // namespace trireme::slurm
