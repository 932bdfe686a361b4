#include <algorithm>
#include <iterator>

#include "base/words.hpp"
#include "launcher/options/command_line_parts.hpp"

namespace trireme::options {

using base::str;

std::vector<HelpRow> CommandLine::Implementation::rows(bool aside) const {
  std::vector<HelpRow> rows;
  for (const Declared::Option& option : options) {
    if (option.aside != aside) continue;
    std::string left = option.short_name.empty() ? "" : str("-", option.short_name, ", ");
    left += "--" + option.help_name() + (option.value_name.empty() ? "" : " " + option.value_name);
    std::string right = option.help;
    if (!option.allowed.empty()) right += ": " + base::join(option.allowed, ", ");
    if (option.required) right += " (required)";
    if (option.repeatable && !option.is_family()) right += " (repeatable)";
    if (!option.default_text.empty()) right += " (default: " + option.default_text + ")";
    rows.push_back({std::move(left), std::move(right), option.heading});
  }
  return rows;
}

std::string CommandLine::help(std::size_t width) const {
  const Implementation& self = *implementation_;
  std::string text = example_text(self.example);
  text += str("\ntrireme ", self.command, ": ", self.summary, "\n\n");
  std::vector<HelpRow> rows;
  if (self.positional_target != nullptr) {
    rows.push_back({self.positional_value_name + (self.at_most > 1 ? " …" : ""), self.positional_help, ""});
  }
  rows.push_back({"-h, --help", "print this", ""});
  std::ranges::move(self.rows(false), std::back_inserter(rows));
  if (!self.aside_flag.empty()) rows.push_back({"--" + self.aside_flag, self.aside_help, ""});
  return text + table_text(rows, width);
}

std::string CommandLine::help_aside(std::size_t width) const {
  return str("trireme ", implementation_->command, ", further options:\n",
             table_text(implementation_->rows(true), width));
}

}  // namespace trireme::options
