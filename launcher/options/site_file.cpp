#include "launcher/options/site_file.hpp"

#include <algorithm>
#include <sstream>

#include "base/error.hpp"
#include "launcher/options/ini_text.hpp"
#include "slurm/site/site_values.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

// Boost cuts a line at its first '#', in quotes or not: what a shell would keep must not vanish in silence.
void refuse_cut_values(const std::string& text) {
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t hash = line.find('#'), equals = line.find('=');
    if (hash == std::string::npos || equals == std::string::npos || hash < equals) continue;
    const std::string value = line.substr(0, hash);
    const bool after_space = value.back() == ' ' || value.back() == '\t' || hash == equals + 1;
    const bool quoted =
        std::count(value.begin(), value.end(), '"') % 2 != 0 || std::count(value.begin(), value.end(), '\'') % 2 != 0;
    if (quoted || !after_space) {
      throw InputError(str("line ", number,
                           " holds a '#', which begins a comment: put the command into a script of "
                           "its own and name that"));
    }
  }
}

}  // namespace

slurm::Site parse_site(const std::string& text, const std::string& origin) {
  const auto values = parse_ini(text, origin);
  try {
    refuse_cut_values(text);
    return slurm::site_from_values(values);
  } catch (const InputError& error) {
    throw InputError(str(origin, ": ", error.what()));
  }
}

slurm::Site load_site_file(const std::string& path) { return parse_site(read_ini_file(path, "site file"), path); }

}  // namespace trireme::options
