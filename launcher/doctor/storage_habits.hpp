// What users of a file system do so that checkpoints are written fast there: advice with commands, never a finding.
#pragma once

#include <string>
#include <vector>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// One sentence each, for the file system that rank 0 sees the run directory on; empty where there is nothing to do or
/// none was looked at. Pure.
std::vector<std::string> storage_habits(const Survey& survey);

}  // namespace trireme::doctor
