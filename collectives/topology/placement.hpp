// Chooses a rank's device, and checks whether ranks chose the same one. Pure: others gather the facts.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace trireme::topology {

/// Returns the device of a rank: its local rank when at least `local_size` devices are visible; device 0 when only one
/// is visible (a launcher that shows each rank its own device); nothing when none is. Throws base::InputError
/// otherwise: fewer devices than ranks on this node. Example: local_rank 3 of 8 with 8 visible -> 3; with 1 visible ->
/// 0; with 4 -> refused.
std::optional<int> choose_device(int local_rank, int local_size, int visible_devices);

/// Where one rank runs. `device` is the device's UUID, "" on the CPU; `cpus` are the processors of its mask.
struct Place {
  int rank = 0;
  std::string host;
  std::string device;
  std::vector<int> cpus;
};

/// Returns a refusal when ranks of one host hold the same device: a sentence and a table of those ranks (host, ranks,
/// device, CPUs). Nothing when all devices differ or no rank has one.
std::optional<std::string> duplicate_devices(const std::vector<Place>& places);

/// Returns a warning, with the same table, when more ranks of one host share a CPU mask than the mask has CPUs, so that
/// they take turns. This is not refused, since a laptop or a test may want it.
std::optional<std::string> crowded_cpus(const std::vector<Place>& places);

/// The number of CPUs of every rank, in the order of `places`: CPUs that several ranks of a host hold are divided
/// evenly. Four ranks with the mask 0-7 have two each; so have two ranks bound to 0-3 and two bound to 4-7.
std::vector<double> cpu_shares(const std::vector<Place>& places);

/// How many threads places[rank] may compute with: its share of CPUs, rounded down, at least one.
int threads_of(const std::vector<Place>& places, int rank);

/// "0-3,8" for {0,1,2,3,8} (sorted here).
std::string cpu_list(std::vector<int> cpus);

}  // namespace trireme::topology
