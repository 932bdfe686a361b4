// `trireme job rank`: starts one rank's process of a [program] run and waits for it.
#pragma once

#include <filesystem>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// Starts the command of the launch file with the environment of a rank, waits for it, and leaves its end in the run
/// directory if that is not 0. Returns the exit code for the launcher: 128 + signal when a signal ended the process; 0
/// for a rank that stopped on request (75), since mpirun and srun kill the other ranks, which still save, at the first
/// other code. The process is killed when this one dies. Throws base::Error when nothing can be started.
int run_rank(base::FileSystem& files, const std::filesystem::path& launch_file);

}  // namespace trireme::launcher
