// Presents a survey and its findings to a person and to a program.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {

/// With up to this many ranks and nodes the tables have a row for each; with more, only for the marked ones.
inline constexpr std::size_t kRowsShown = 64;

/// Tables of ranks, nodes and links, then one line per finding and per piece of advice, then the verdict.
std::string report(const Survey& survey, const std::vector<Finding>& findings);

/// The whole survey, one member for each part; docs/doctor.md names the keys.
base::Json report_json(const Survey& survey, const std::vector<Finding>& findings);

std::size_t defects_in(const std::vector<Finding>& findings);

/// "3 defects; the first: …", for the last line of a failing program.
std::string failure_line(const std::vector<Finding>& findings);

}  // namespace trireme::doctor
