// Whether a person is watching.
#pragma once

namespace trireme::base {

/// True when what this process writes to `descriptor` (1 or 2) ends on a terminal. Under Open MPI's mpirun a rank
/// writes to a pseudo-terminal of mpirun's own whatever mpirun's output is: then the launcher's output decides.
bool on_terminal(int descriptor);

}  // namespace trireme::base
