#include "launcher/options/program_text.hpp"

#include <algorithm>
#include <cctype>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/words.hpp"
#include "slurm/submit/batch_script.hpp"

namespace trireme::options {
namespace {

using base::InputError;
using base::str;
using base::trimmed;

bool begins_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_name(char c) { return begins_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Splits at the commas that are not between double quotes; a backslash keeps the next character from ending a quote.
std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items = {""};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\' && i + 1 < text.size())
      items.back() += text[i++];
    else if (text[i] == '"')
      quoted = !quoted;
    if (text[i] == ',' && !quoted)
      items.emplace_back();
    else
      items.back() += text[i];
  }
  return items;
}

// The name between the braces that begin at `open`; "" when it is none.
std::string name_at(const std::string& command, std::size_t open) {
  std::size_t end = open + 1;
  while (end < command.size() && continues_name(command[end])) ++end;
  const bool whole = end < command.size() && command[end] == '}' && end > open + 1 && begins_name(command[open + 1]);
  return whole ? command.substr(open + 1, end - open - 1) : "";
}

const std::string& value_of(const Parameters& parameters, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [one, value] : parameters) {
    if (one == name) return value;
    names.push_back(one);
  }
  const std::string near = base::nearest(name, names);
  throw InputError(str("program.command holds {", name, "}, but program.params gives no ", name,
                       near.empty() ? "" : ", did you mean {" + near + "}?", " (write {{", name,
                       "}} for braces of your own)"));
}

}  // namespace

bool is_parameter_name(const std::string& name) {
  return !name.empty() && begins_name(name.front()) && std::ranges::all_of(name, continues_name);
}

Parameters parse_parameters(const std::string& text) {
  Parameters parameters;
  for (const std::string& item : items_of(text)) {
    if (trimmed(item).empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos) {
      throw InputError(str("program.params holds ", trimmed(item), " without a value: write name = value"));
    }
    const std::string name = trimmed(item.substr(0, equals));
    if (!is_parameter_name(name)) {
      throw InputError(str("program.params: '", name, "' cannot be a parameter's name: take letters, digits and _"));
    }
    for (const auto& [earlier, value] : parameters) {
      if (earlier == name) throw InputError(str("program.params gives ", name, " twice"));
    }
    parameters.emplace_back(name, base::ini_unquoted(trimmed(item.substr(equals + 1))));
  }
  return parameters;
}

std::string parameters_text(const Parameters& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) {
    std::string written = value;
    if (value.find_first_of(",\"\\'# \t") != std::string::npos || value.empty()) {
      written = "\"";
      for (const char c : value) written += c == '"' || c == '\\' ? str('\\', c) : std::string(1, c);
      written += '"';
    }
    text += str(text.empty() ? "" : ", ", name, " = ", written);
  }
  return text;
}

std::string expand_command(const std::string& command, const Parameters& parameters) {
  std::string text;
  int open = 0;  // braces that were written twice and not closed yet
  for (std::size_t i = 0; i < command.size(); ++i) {
    const bool doubled = i + 1 < command.size() && command[i + 1] == command[i];
    if (doubled && (command[i] == '{' || (command[i] == '}' && open > 0))) {
      open += command[i] == '{' ? 1 : -1;
      text += command[i++];
      continue;
    }
    const bool of_shell = i > 0 && command[i - 1] == '$';
    const std::string name = command[i] == '{' && !of_shell ? name_at(command, i) : "";
    if (name.empty()) {
      text += command[i];
    } else {
      text += slurm::shell_word(value_of(parameters, name));
      i += name.size() + 1;
    }
  }
  return text;
}

std::string program_command(const ProgramSection& program) {
  return expand_command(program.command, parse_parameters(program.params));
}

}  // namespace trireme::options
