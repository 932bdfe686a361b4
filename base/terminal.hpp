// Whether a person is watching, and how wide their window is.
#pragma once

#include <cstddef>
#include <optional>

namespace trireme::base {

/// True when what this process writes to `descriptor` (1 or 2) ends on a terminal. Under Open MPI's mpirun a rank
/// writes to a pseudo-terminal of mpirun's own whatever mpirun's output is: then the launcher's output decides.
bool on_terminal(int descriptor);

/// Columns of that terminal now (windows are resized while programs run): what it says itself (TIOCGWINSZ), else the
/// environment's COLUMNS, else 80. Nothing when what is written does not end on a terminal.
std::optional<std::size_t> terminal_columns(int descriptor);

}  // namespace trireme::base
