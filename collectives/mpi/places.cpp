#include "collectives/mpi/places.hpp"

#include <sched.h>

namespace trireme::collectives {

namespace {

/// The facts of one rank, as sent to the others.
struct Record {
  char host[256] = {};
  char device[64] = {};
  cpu_set_t cpus = {};
};

}  // namespace

std::vector<topology::Place> gather_places(MpiWorld& world, const std::string& device_uuid) {
  Record own;
  world.host().copy(own.host, sizeof(own.host) - 1);
  device_uuid.copy(own.device, sizeof(own.device) - 1);
  sched_getaffinity(0, sizeof(own.cpus), &own.cpus);
  std::vector<Record> all(static_cast<std::size_t>(world.size()));
  world.control().all_gather(&own, all.data(), sizeof(Record), DataType::kUInt8);
  std::vector<topology::Place> places;
  for (const Record& record : all) {
    topology::Place place{static_cast<int>(places.size()), record.host, record.device, {}};
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &record.cpus)) place.cpus.push_back(cpu);
    }
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace trireme::collectives
