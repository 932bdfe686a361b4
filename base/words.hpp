// Lists of words as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trireme::base {

/// Joins `words` with `separator` between them: "a, b, c".
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace trireme::base
