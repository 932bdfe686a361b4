// Where every rank runs, for topology::duplicate_devices and crowded_cpus.
#pragma once

#include <string>
#include <vector>

#include "collectives/mpi/world.hpp"
#include "collectives/topology/placement.hpp"

namespace trireme::collectives {

/// Collective: host, device (UUID, "" on the CPU) and CPU mask of all ranks, in rank order, on every rank.
std::vector<topology::Place> gather_places(MpiWorld& world, const std::string& device_uuid);

}  // namespace trireme::collectives
