// Which device a rank takes, and whether ranks took the same one. Pure: the facts are gathered elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace trireme::topology {

/// The device of a rank: its local rank when at least `local_size` devices are visible, the only one when one is
/// (a launcher that shows each rank its own device), nothing when none is. Otherwise base::InputError: fewer devices
/// than ranks on this node. Example: local_rank 3 of 8 with 8 visible -> 3; with 1 visible -> 0; with 4 -> refused.
std::optional<int> choose_device(int local_rank, int local_size, int visible_devices);

/// Where one rank runs. `device` is the device's UUID, "" on the CPU; `cpus` are the processors of its mask.
struct Place {
  int rank = 0;
  std::string host;
  std::string device;
  std::vector<int> cpus;
};

/// Refusal when ranks of one host hold the same device: a sentence and a table of those ranks (host, ranks, device,
/// CPUs). Nothing when all devices differ or no rank has one.
std::optional<std::string> duplicate_devices(const std::vector<Place>& places);

/// Warning when more ranks of one host share a CPU mask than the mask has CPUs: they will take turns. Same table.
/// Not refused: a laptop or a test may want it.
std::optional<std::string> crowded_cpus(const std::vector<Place>& places);

/// CPUs of every rank when those that several ranks of a host hold are split evenly, in the order of `places`. Four
/// ranks with the mask 0-7 have two each; two of them bound to 0-3 and two to 4-7 too.
std::vector<double> cpu_shares(const std::vector<Place>& places);

/// Threads that places[rank] may compute with: its share, rounded down, at least one.
int threads_of(const std::vector<Place>& places, int rank);

/// "0-3,8" for {0,1,2,3,8} (sorted here).
std::string cpu_list(std::vector<int> cpus);

}  // namespace trireme::topology
