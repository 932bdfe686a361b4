// Words as text: joined, and without what stands around them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trireme::base {

/// Joins `words` with `separator` between them: "a, b, c".
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

/// The trimmed parts between separators, empty ones too: "a, ,b" has three; an empty text has none.
std::vector<std::string> split(std::string_view text, char separator);

/// `text` without spaces, tabs and line ends at both ends.
std::string trimmed(std::string_view text);

}  // namespace trireme::base
