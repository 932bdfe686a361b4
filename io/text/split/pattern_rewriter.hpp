// Makes a split pattern mean the same in every version of Oniguruma.
#pragma once

#include <string>

namespace trireme::text {

/// Writes each class of the pattern (\p{...}, \w, \d, \s, \h, [...]) out as code points, by our Unicode 16.0 tables,
/// and word boundaries as look-arounds; keeps everything else. `pattern` must be well-formed UTF-8. Throws InputError
/// naming the pattern and the construct for what cannot be made equal to Hugging Face tokenizers: \X, \y, \K, callouts,
/// options other than i, m and x, control and byte escapes, unknown properties.
/// Example: "\d+" becomes "[\x{30}-\x{39}\x{660}-...]+".
std::string rewrite_pattern(const std::string& pattern);

}  // namespace trireme::text
