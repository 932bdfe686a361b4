// Reads one bracket expression of a split pattern ([...]) as Oniguruma does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/text/code_point_set.hpp"

namespace trireme::text {

struct BracketExpression {
  CodePointSet members;  ///< without a leading '^'
  bool negated = false;  ///< whether it begins with '^'
};

/// Thrown for what a pattern may not hold, with the words of the pattern; the caller turns it into base::InputError.
struct RefusedConstruct {
  std::string what;
};

/// Reads the expression whose '[' stands before `position` and moves `position` behind its ']'. Ranges, nested
/// expressions, &&, \p{...}, [:name:] and escapes have Oniguruma's meaning, with our Unicode tables. `pattern` is
/// well-formed UTF-8. Throws RefusedConstruct for what is malformed, and for what versions of Oniguruma read
/// differently.
BracketExpression read_bracket(std::string_view pattern, std::size_t& position);

/// Reads \p{name}, \P{name} or \p{^name}, whose backslash stands at `position`, and moves `position` behind it.
struct PropertyEscape {
  CodePointSet members;  ///< the members of the name itself
  bool negated = false;
  bool is_word = false;  ///< whether the name is Word, which has more members outside brackets
};
PropertyEscape read_property(std::string_view pattern, std::size_t& position);

/// Reads the hexadecimal digits of \x{...} (whose backslash stands at `position`) or \uHHHH: a code point. Moves
/// `position` behind it.
std::uint32_t read_code_point_escape(std::string_view pattern, std::size_t& position);

}  // namespace trireme::text
