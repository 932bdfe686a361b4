// Advice on how to use a file system so that checkpoints are written fast there: commands, never a finding.
#pragma once

#include <string>
#include <vector>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// Returns one sentence for each piece of advice for the file system on which rank 0 sees the run directory; nothing
/// when there is nothing to do or the directory was not looked at. Pure.
std::vector<std::string> storage_habits(const Survey& survey);

}  // namespace trireme::doctor
