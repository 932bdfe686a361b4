// The sets that \p{...}, \w and [:name:] stand for in split patterns, by Unicode 16.0, with the members that they have
// in Hugging Face tokenizers (those of Oniguruma 6.9.10).
#pragma once

#include <optional>
#include <string_view>

#include "io/text/code_point_set.hpp"

namespace trireme::text {

/// The members of \p{name}: general categories, scripts, blocks (In_...), binary properties and POSIX names. Case,
/// spaces, '-' and '_' of the name do not matter. Nothing when the table lacks the name.
std::optional<CodePointSet> unicode_property(std::string_view name);

/// The members of [:name:]; nothing for a name that POSIX does not have.
std::optional<CodePointSet> posix_class(std::string_view name);

/// The members of \w outside brackets, which also define word boundaries: \p{Word} and six numbers of Latin-1 (such as
/// ²).
CodePointSet bare_word();

/// The other case of a code point, if the pair of cases came with Unicode 15 or 16; otherwise 0. Older versions of
/// Oniguruma do not know these pairs.
std::uint32_t recent_other_case(std::uint32_t code_point) noexcept;

}  // namespace trireme::text
