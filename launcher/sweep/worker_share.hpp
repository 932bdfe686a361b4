// Which CPUs and GPUs of this machine a worker of a local pool may use, so that trials do not share a core while
// another one idles: a training takes as many threads as its CPU mask has cores.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

struct MachineParts {
  std::vector<int> cpus;             ///< that this process may use
  std::vector<std::string> devices;  ///< GPUs, as CUDA_VISIBLE_DEVICES names them
};
MachineParts parts_of_this_machine();

/// How many trials of `ranks` ranks run side by side: one for each `ranks` GPUs, or CPUs where there is no GPU.
std::size_t default_workers(const MachineParts& machine, std::size_t ranks);

/// The part of worker `worker` of `workers`: an equal share; more workers than CPUs or GPUs take turns.
MachineParts share_of(const MachineParts& machine, std::size_t worker, std::size_t workers);

/// Puts the calling thread, and what it starts from now on, on these CPUs; nothing happens where that is not allowed.
void stay_on(const std::vector<int>& cpus);

}  // namespace trireme::launcher
