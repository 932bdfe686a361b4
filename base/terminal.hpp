// Whether a person is watching, and how wide their window is.
#pragma once

#include <cstddef>
#include <optional>

namespace trireme::base {

/// True when what this process writes to `descriptor` (1 or 2) appears on a terminal. Under Open MPI's mpirun a rank
/// always writes to a pseudo-terminal of mpirun's; then mpirun's own output decides.
bool on_terminal(int descriptor);

/// The number of columns that terminal has now (windows are resized while programs run): as it reports itself
/// (TIOCGWINSZ), else the environment's COLUMNS, else 80. Nothing when the output does not appear on a terminal.
std::optional<std::size_t> terminal_columns(int descriptor);

/// Whether colours may be written to `descriptor`: to a terminal, unless the environment says NO_COLOR (no-color.org)
/// or TERM=dumb.
bool shows_colours(int descriptor);

}  // namespace trireme::base
