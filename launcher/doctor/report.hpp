// A survey and its findings for a person and for a program.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {

/// Up to this many ranks and nodes the tables have a row each; beyond, only the marked ones.
inline constexpr std::size_t kRowsShown = 64;

/// Tables of ranks, nodes and links, then one line a finding and a piece of advice, then the verdict.
std::string report(const Survey& survey, const std::vector<Finding>& findings);

/// Everything, a member a part of the survey; docs/doctor.md names the keys.
base::Json report_json(const Survey& survey, const std::vector<Finding>& findings);

std::size_t defects_in(const std::vector<Finding>& findings);

/// "3 defects; the first: …", for the last line of a failing program.
std::string failure_line(const std::vector<Finding>& findings);

}  // namespace trireme::doctor
