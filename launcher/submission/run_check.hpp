// Checks a run file as training would, without MPI and LibTorch: a typo must not wait two days in the queue.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/options/resolve.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/submit/layout_fit.hpp"

namespace trireme::launcher {

/// Opens the datasets that the options name and resolves the options for `ranks` ranks, on GPUs or not; of a [program]
/// run it checks the command and its parameters. Returns notes for the user. Throws base::InputError as training would.
std::vector<std::string> check_run(base::FileSystem& files, const options::RunOptions& options, std::int64_t ranks,
                                   bool gpus);

/// Whether the run in the directory `run` is finished: its attempts, as the ledger has them, did all steps that the
/// options ask for, or were ended early by the rule that they ask for. Opens no dataset and counts no ranks. With
/// model.init_from, sizes that the options leave out are those that the last attempt stored in run.ini.
/// A [program] run is finished when its last attempt was done with the same command.
bool is_finished(base::FileSystem& files, const std::filesystem::path& run, const std::vector<slurm::Attempt>& attempts,
                 const options::RunOptions& options);

/// What of the options decides which numbers of ranks can train.
slurm::LayoutNeeds layout_needs(const options::RunOptions& options);

}  // namespace trireme::launcher
