// Text that others wrote, as it may stand on a terminal: a name can neither move the cursor nor begin a line.
#pragma once

#include <string>
#include <string_view>

namespace trireme::base {

/// Which control characters a text may keep.
enum class Keep {
  kNothing,          ///< a name, a sentence, a cell
  kNewlines,         ///< a text of several lines; names inside it must be printable by themselves
  kNewlinesAndTabs,  ///< prose
};

/// `text` with everything replaced that a terminal would obey or that would show text in another order than it is
/// stored: control characters (C0, DEL) and bytes that are no UTF-8 as \xNN; C1 controls, marks and overrides of
/// direction, and Unicode's line and paragraph separators as \u{NNNN}. Ordinary UTF-8 stays, a backslash too, so that
/// a second pass changes nothing.
/// printable("a\x1b[2Jb\n") = "a\\x1B[2Jb\\x0A".
std::string printable(std::string_view text, Keep keep = Keep::kNothing);

/// Compact JSON with the code points that JSON allows in strings and printable() replaces written as \u escapes: the
/// same value.
std::string printable_json(std::string_view json);

}  // namespace trireme::base
