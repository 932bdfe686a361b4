// Gathers the survey that is judged: every rank's facts, then the measurements.
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
  double link_seconds = 20;                             ///< no round of links begins later
};

/// Collective: the whole survey on rank 0; its small part that all ranks know on the others. `stage` is called on
/// every rank when a part begins: "facts", "directory", "disk", "links". base::InputError, the same on all ranks, when
/// something that is no directory stands in the run directory's place. What is made in the directory is removed, also
/// when a stop signal ends the process: `signals` does so from here on.
Survey examine(collectives::MpiWorld& world, base::SignalThread& signals, base::FileSystem& files,
               const Examination& wanted, const std::function<void(const std::string& stage)>& stage);

}  // namespace trireme::doctor
