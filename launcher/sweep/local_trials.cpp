#include "launcher/sweep/local_trials.hpp"

#include "base/own_program.hpp"
#include "base/words.hpp"

namespace trireme::launcher {

LocalTrials::LocalTrials(base::FileSystem& files, const SweepHeader& header, std::size_t workers)
    : files_(files),
      header_(header),
      workers_(workers),
      machine_(parts_of_this_machine()),
      program_(base::own_program().string()) {}

int LocalTrials::run(const Advice& advice, std::size_t worker) {
  const MachineParts share = share_of(machine_, worker, workers_);
  stay_on(share.cpus);
  TrialCommand command;
  if (header_.ranks > 1) {
    // Without a binding of its own: two mpiruns would bind their ranks to the same cores.
    command.words = {"mpirun", "-n", std::to_string(header_.ranks), "--bind-to", "none"};
  }
  command.words.insert(command.words.end(), {program_, "train", advice.run_file});
  command.words.insert(command.words.end(), advice.overrides.begin(), advice.overrides.end());
  command.directory = header_.work_directory;
  const std::filesystem::path logs = std::filesystem::absolute(advice.run_directory) / "logs";
  files_.create_directories(logs);
  command.log = logs / "sweep.log";
  if (!share.devices.empty()) command.variables.push_back("CUDA_VISIBLE_DEVICES=" + base::join(share.devices, ","));
  return processes_.run(command);
}

}  // namespace trireme::launcher
