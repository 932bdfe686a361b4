// How this process was started, as its environment tells before MPI is there to be asked.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace trireme::collectives {

enum class Launch {
  kByLauncher,   ///< by mpirun, or by srun with PMI: MPI knows the other ranks
  kAlone,        ///< by a person or a script: a world of one
  kAloneInStep,  ///< the same in a step of one task, such as the shell of `srun --pty bash`
  kUnwired,      ///< by srun, as one of several tasks that do not know each other
};

/// `lookup` gives the value of an environment variable.
Launch how_started(const std::function<std::optional<std::string>(const std::string& name)>& lookup);

}  // namespace trireme::collectives
