// INI text as Boost reads it: [section], key = value, # comment.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace trireme::options {

/// "section.key" and its value (spaces at both ends and comments removed), in order; keys may repeat. `origin` names
/// the text in messages. Throws base::InputError for a line that is none of the above.
std::vector<std::pair<std::string, std::string>> parse_ini(const std::string& text, const std::string& origin);

/// The text of an INI file; `kind` is what it should be ("run file"). Throws base::InputError when it cannot be read.
std::string read_ini_file(const std::string& path, const std::string& kind);

}  // namespace trireme::options
