// What a person reads of a training before its first step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/options/resolve.hpp"

namespace trireme::launcher {

/// "tp2·pp2, 1f1b, zero 1".
std::string layout_text(const options::Resolved& resolved);

/// The lines that say what is trained on what: model, data (of `samples`), length, layout on so many ranks and threads
/// of each, then `notes` and the notes of the options.
std::vector<std::string> run_lines(const options::Resolved& resolved, std::uint64_t samples, int ranks, int threads,
                                   const std::vector<std::string>& notes);

}  // namespace trireme::launcher
