// `trireme sweep run` on a cluster: the trials as job arrays (docs/sweeps.md, "On Slurm").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/sweep/sweep_file.hpp"
#include "launcher/sweep/sweep_report.hpp"
#include "launcher/sweep/sweep_start.hpp"

namespace trireme::launcher {

struct SweepSubmission {
  const SweepFile& file;
  const std::vector<SweepTrial>& trials;
  std::string again;             ///< the command that goes on with the sweep
  std::string site;              ///< what --site names
  std::int64_t max_running = 0;  ///< tasks at the same time; 0: the default
  bool dry_run = false, json = false;
  KnownPace pace;  ///< without billing units
  SweepStart start;
};

/// Prints trials and price, then submits; a sweep that has jobs in the queue already gets those that are missing.
/// Returns the exit code.
int submit_sweep(base::FileSystem& files, SweepSubmission submission);

/// Prints the trials and the price, as tables or as one JSON object.
void print_sweep_plan(const SweepState& planned, const KnownPace& pace, bool json);

}  // namespace trireme::launcher
