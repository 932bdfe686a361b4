// One run directory, read for the accounts: whose it is, what its attempts took, what its checkpoints occupy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/usage/attempt_use.hpp"
#include "launcher/usage/runs_below.hpp"

namespace trireme::launcher {

struct RunRecord {
  std::filesystem::path path;
  std::string folder;                  ///< FoundRun::folder
  std::optional<std::uint32_t> owner;  ///< user id: of the ledger's owner, without a ledger the directory's
  std::string account;                 ///< slurm.account of its run.ini; "" when that names none
  RunUse use;
  bool gpus = false;                   ///< an attempt used GPUs: the hours of the run are GPU hours
  std::uint64_t checkpoints = 0;       ///< committed
  std::uint64_t checkpoint_bytes = 0;  ///< on disk, of committed and unfinished ones
  std::string person;                  ///< the owner's name; name_records() sets it, and the project
  std::string project;                 ///< an account; where none is known, a folder, "vision/"
  std::string problem;                 ///< why its ledger was not read; "" when it was
};

/// Never throws for what the files hold: torn, missing and foreign ones count as not there.
RunRecord read_record(base::FileSystem& files, const FoundRun& run, double now);

/// Reads many, several at a time, in the order of `runs`. What holds nothing (no attempts, no checkpoints, no problem)
/// is left out: a directory called logs makes no run.
std::vector<RunRecord> read_records(base::FileSystem& files, const std::vector<FoundRun>& runs, double now);

/// What lies below `directory` on disk. No link is followed; of a directory that is itself a link (checkpoints on a
/// scratch file system) only what is called step_<N> is counted.
std::uint64_t bytes_below(const std::filesystem::path& directory);

}  // namespace trireme::launcher
