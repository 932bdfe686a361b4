// How this process was started, read from its environment before MPI can be asked.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace trireme::collectives {

enum class Launch {
  kByLauncher,   ///< started by mpirun, or by srun with PMI: MPI knows the other ranks
  kAlone,        ///< started by a person or a script: a world of one rank
  kAloneInStep,  ///< the same inside a Slurm step of one task, such as the shell of `srun --pty bash`
  kUnwired,      ///< started by srun as one of several tasks that do not know each other
};

/// `lookup` returns the value of an environment variable, or nothing.
Launch how_started(const std::function<std::optional<std::string>(const std::string& name)>& lookup);

}  // namespace trireme::collectives
