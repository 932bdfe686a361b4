// Checks of names that were read from files before they become parts of paths or words of command lines.
#pragma once

#include <string_view>

namespace trireme::base {

/// A run's id: 1 to 64 letters, digits, '-' and '_', the first one a letter or digit.
bool is_run_id(std::string_view text);
/// A job's id: Slurm's are "123", or "123_4" for a task of an array. The same alphabet as a run's.
bool is_job_id(std::string_view text);
/// The name that a team gives a dataset: 1 to 100 letters, digits, '-', '_' and '.', the first one a letter or digit.
bool is_dataset_name(std::string_view text);
/// A host's name: 1 to 255 letters, digits, '-', '_' and '.', the first one a letter, a digit or '_'.
bool is_host_name(std::string_view text);

}  // namespace trireme::base
