#include "launcher/options/site_file.hpp"

#include "base/error.hpp"
#include "base/ini.hpp"
#include "launcher/options/ini_text.hpp"
#include "slurm/site/site_values.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

slurm::Site parse_site(const std::string& text, const std::string& origin) {
  const auto values = base::parse_ini(text, origin);
  try {
    return slurm::site_from_values(values);
  } catch (const InputError& error) {
    throw InputError(str(origin, ": ", error.what()));
  }
}

slurm::Site load_site_file(const std::string& path) { return parse_site(read_ini_file(path, "site file"), path); }

}  // namespace trireme::options
