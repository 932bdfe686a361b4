// The line at the bottom of a terminal that is drawn over again and again: a bar. There is one at a time in a process,
// and whoever prints an ordinary line wipes it first, so that no line begins behind a bar.
#pragma once

#include <cstdio>
#include <string>

namespace trireme::base {

/// Draws `line` (one that fits into the terminal) over what was drawn before; "" wipes. `stream` is a terminal and
/// stays open. Thread-safe, as are the others.
void draw_status(std::FILE* stream, const std::string& line);

/// Wipes what is drawn, wherever it is.
void clear_status();

/// Wipes what is drawn; from then on draw_status() draws nothing: the process is about to end, and other threads, which
/// work on until then, must leave no bar behind.
void end_status();

/// Writes `text` (whole lines) to `stream` in one piece and flushes it, wiping what is drawn before.
void write_lines(std::FILE* stream, const std::string& text);

}  // namespace trireme::base
