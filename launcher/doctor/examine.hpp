// Gathers the survey: first every rank's facts, then the measurements.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file_system.hpp"
#include "base/signals.hpp"
#include "collectives/mpi/world.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

struct Examination {
  std::string directory = ".";
  std::string wanted_device = "auto";                   ///< auto, cpu, cuda
  std::uint64_t disk_bytes = std::uint64_t{128} << 20;  ///< per node; 0: not measured
  double link_seconds = 20;                             ///< no round of measuring links begins later
};

/// Collective: returns the whole survey on rank 0, and on the others the small part that all ranks know. `stage` is
/// called on every rank when a part begins: "facts", "directory", "disk", "links". Throws base::InputError, the same on
/// all ranks, when the run directory's place holds something other than a directory. What is made in the directory is
/// removed, also when a stop signal ends the process; from here on `signals` takes care of that.
Survey examine(collectives::MpiWorld& world, base::SignalThread& signals, base::FileSystem& files,
               const Examination& wanted, const std::function<void(const std::string& stage)>& stage);

}  // namespace trireme::doctor
