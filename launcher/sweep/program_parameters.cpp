#include "launcher/sweep/program_parameters.hpp"

#include <algorithm>

#include "launcher/options/key_table.hpp"
#include "launcher/options/program_text.hpp"

namespace trireme::launcher {

using options::Parameters;

bool takes_parameter(const options::RunOptions& options, const std::string& name) {
  if (!options::is_parameter_name(name) || !options.program.given()) return false;
  const Parameters given = options::parse_parameters(options.program.params);
  const auto named = [&](const auto& parameter) { return parameter.first == name; };
  return options.program.command.find("{" + name + "}") != std::string::npos || std::ranges::any_of(given, named);
}

std::optional<std::string> base_value(const options::RunOptions& options, const std::string& name) {
  if (name.find('.') != std::string::npos) {
    for (const options::Key& key : options::key_table()) {
      if (key.path() == name) return options::value_of(options, key);
    }
    return std::nullopt;
  }
  for (const auto& [parameter, value] : options::parse_parameters(options.program.params)) {
    if (parameter == name) return value;
  }
  return std::nullopt;
}

void set_parameter(options::RunOptions& options, const std::string& name, const std::string& value) {
  if (name.find('.') != std::string::npos) {
    options::set_value(options, options::find_key(name), value);
    return;
  }
  Parameters parameters = options::parse_parameters(options.program.params);
  const auto at = std::ranges::find(parameters, name, &Parameters::value_type::first);
  if (at == parameters.end()) {
    parameters.emplace_back(name, value);
  } else {
    at->second = value;
  }
  options.program.params = options::parameters_text(parameters);
}

}  // namespace trireme::launcher
