// Makes text from others safe for a terminal: a name can neither move the cursor nor begin a line.
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

/// Returns `text` with everything replaced that a terminal would act on or that would show the text in another order.
/// Control characters (C0, DEL) and bytes that are not UTF-8 become \xNN; C1 controls, direction marks and overrides,
/// and Unicode's line and paragraph separators become \u{NNNN}. Ordinary UTF-8 stays, and so does a backslash, so a
/// second call changes nothing.
/// printable("a\x1b[2Jb\n") = "a\\x1B[2Jb\\x0A".
std::string printable(std::string_view text, Keep keep = Keep::kNothing);

/// Rewrites compact JSON: code points that JSON allows in strings but printable() replaces become \u escapes, so the
/// value stays the same.
std::string printable_json(std::string_view json);

}  // namespace trireme::base
