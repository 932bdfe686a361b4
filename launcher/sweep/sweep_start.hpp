// Makes a sweep's directory, or finds that it is there already and goes on.
#pragma once

#include <string>
#include <vector>

#include "launcher/sweep/sweep_directory.hpp"
#include "launcher/sweep/sweep_file.hpp"

namespace trireme::launcher {

/// The sweep as it is before the first trial starts.
SweepState planned_state(const SweepFile& file, const std::vector<SweepTrial>& trials, std::int64_t ranks,
                         const std::string& work_directory);

struct SweepStart {
  std::string file_text;         ///< of the sweep's file, kept as <dir>/sweep.ini
  options::Overrides overrides;  ///< of the command line, kept as comments in it
  bool retry = false;            ///< take failed trials again
  bool has_shapes = false;       ///< the planned trials' shapes count; otherwise those that the log has stay
};

/// Writes the trials' run files and the log's first lines. A sweep that is there already goes on, with more trials if
/// the file makes more now: a stop is lifted, and trials that somebody had stopped come back where their own stop was
/// lifted. Throws base::InputError when what is there was made from something else; base::IoError when the disk does
/// not take it.
void start_sweep(base::FileSystem& files, SweepDirectory& sweep, const SweepFile& file,
                 const std::vector<SweepTrial>& trials, const SweepState& planned, const SweepStart& start);

}  // namespace trireme::launcher
