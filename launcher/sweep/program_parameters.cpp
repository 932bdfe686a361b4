#include "launcher/sweep/program_parameters.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/words.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::launcher {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// Nothing where this version of Trireme has no such key.
std::optional<std::string> key_value(const options::RunOptions& options, const std::string& path) {
  for (const options::Key& key : options::key_table()) {
    if (key.path() == path) return options::value_of(options, key);
  }
  return std::nullopt;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Parameters parameters_of(const options::RunOptions& options) {
  Parameters parameters;
  for (const base::ListItem& item : base::split_list(key_value(options, "program.params").value_or(""))) {
    const std::size_t equals = item.name.find('=');
    if (equals == std::string::npos) continue;
    parameters.emplace_back(trimmed(item.name.substr(0, equals)), trimmed(item.name.substr(equals + 1)));
  }
  return parameters;
}

}  // namespace

bool is_program_run(const options::RunOptions& options) { return key_value(options, "program.command").has_value(); }

bool takes_parameter(const options::RunOptions& options, const std::string& name) {
  const std::string command = key_value(options, "program.command").value_or("");
  const auto named = [&](const auto& parameter) { return parameter.first == name; };
  return command.find("{" + name + "}") != std::string::npos || std::ranges::any_of(parameters_of(options), named);
}

std::optional<std::string> base_value(const options::RunOptions& options, const std::string& name) {
  if (name.find('.') != std::string::npos) return key_value(options, name);
  for (const auto& [parameter, value] : parameters_of(options)) {
    if (parameter == name) return value;
  }
  return std::nullopt;
}

void set_parameter(options::RunOptions& options, const std::string& name, const std::string& value) {
  if (name.find('.') != std::string::npos) {
    options::set_value(options, options::find_key(name), value);
    return;
  }
  Parameters parameters = parameters_of(options);
  const auto at = std::ranges::find(parameters, name, &Parameters::value_type::first);
  if (at == parameters.end()) {
    parameters.emplace_back(name, value);
  } else {
    at->second = value;
  }
  std::vector<std::string> items;
  for (const auto& [parameter, text] : parameters) {
    const std::string item = parameter + " = " + text;
    items.push_back(text.find(',') == std::string::npos ? item : '"' + item + '"');
  }
  options::set_value(options, options::find_key("program.params"), base::join(items, ", "));
}

}  // namespace trireme::launcher
