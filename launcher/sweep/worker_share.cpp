#include "launcher/sweep/worker_share.hpp"

#include <sched.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>

#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

std::vector<std::string> devices_here() {
  std::vector<std::string> devices;
  if (const auto named = slurm::environment_variable("CUDA_VISIBLE_DEVICES")) {
    std::istringstream in(*named);
    for (std::string device; std::getline(in, device, ',') && !device.starts_with('-');) devices.push_back(device);
    return devices;
  }
  std::error_code ignored;
  for (int i = 0; std::filesystem::exists("/dev/nvidia" + std::to_string(i), ignored); ++i) {
    devices.push_back(std::to_string(i));
  }
  return devices;
}

template <typename Item>
std::vector<Item> slice(const std::vector<Item>& items, std::size_t worker, std::size_t workers) {
  if (items.empty()) return {};
  if (items.size() < workers) return {items[worker % items.size()]};
  const std::size_t begin = worker * items.size() / workers, end = (worker + 1) * items.size() / workers;
  return {items.begin() + static_cast<std::ptrdiff_t>(begin), items.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

MachineParts parts_of_this_machine() {
  MachineParts machine;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &mask)) machine.cpus.push_back(cpu);
    }
  }
  machine.devices = devices_here();
  return machine;
}

std::size_t default_workers(const MachineParts& machine, std::size_t ranks) {
  const std::size_t places = machine.devices.empty() ? machine.cpus.size() : machine.devices.size();
  return std::max<std::size_t>(1, places / std::max<std::size_t>(1, ranks));
}

MachineParts share_of(const MachineParts& machine, std::size_t worker, std::size_t workers) {
  return {slice(machine.cpus, worker, workers), slice(machine.devices, worker, workers)};
}

void stay_on(const std::vector<int>& cpus) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int cpu : cpus) CPU_SET(cpu, &mask);
  if (!cpus.empty()) (void)::sched_setaffinity(0, sizeof mask, &mask);
}

}  // namespace trireme::launcher
