// Sentences about options that can be trained, but perhaps not as meant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/options/resolve.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Notes on a vocabulary larger than the dataset's (0: not known), a warm-up or decay longer than the run, and other
/// options that train what may not be meant.
/// `resolved` must be complete except for its notes.
std::vector<std::string> notes_on(const Resolved& resolved, std::int64_t dataset_vocab);

/// Notes on what a run file keeps although the command line (`overrides`) seems to change it: sizes beside a preset, a
/// directory beside a name. `file`: the run file without the overrides.
std::vector<std::string> kept_by_file(const RunOptions& file, const Overrides& overrides);

}  // namespace trireme::options
