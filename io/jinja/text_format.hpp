// "…" % values and "…".format(…).
#pragma once

#include "io/jinja/interpreter.hpp"
#include "io/jinja/value.hpp"

namespace trireme::jinja {

/// str.format with {}, {0}, {name}, and !r or !s behind them. Failure for attributes, indices and format
/// specifications.
Value format_braces(const std::string& format, const Arguments& arguments, Heap& heap);

}  // namespace trireme::jinja
