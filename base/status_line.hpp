// The line at the bottom of a terminal that is redrawn again and again, such as a bar. A process has at most one.
// Whoever prints an ordinary line wipes it first, so that no line begins behind a bar.
#pragma once

#include <cstdio>
#include <string>

namespace trireme::base {

/// Draws `line` over what was drawn before; "" wipes it. The line must fit into the terminal; `stream` must be a
/// terminal and stay open. Thread-safe, as are the functions below.
void draw_status(std::FILE* stream, const std::string& line);

/// Wipes the line that is drawn, on whichever stream.
void clear_status();

/// Wipes what is drawn; from then on draw_status() draws nothing: the process is about to end, and other threads, which
/// work on until then, must leave no bar behind.
void end_status();

/// Writes `text` (whole lines) to `stream` in one piece and flushes it, wiping what is drawn before.
void write_lines(std::FILE* stream, const std::string& text);

}  // namespace trireme::base
