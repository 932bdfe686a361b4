// The implementation of CommandLine, for its source files only.
#pragma once

#include <boost/program_options.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/help_text.hpp"
#include "launcher/options/number.hpp"

namespace trireme::options {

struct CommandLine::Declared::Option {
  std::string long_name;
  std::string short_name;
  std::string value_name;  // empty for a flag
  std::string help;
  std::string default_text;
  std::string heading;  // printed before it in the help
  bool aside = false;   // listed by the flag of set_aside() only
  bool repeatable = false;
  std::string shown_name = {};  // of a family, whose long_name is the prefix of its names
  bool required = false;
  std::vector<std::string> allowed;
  std::optional<std::pair<double, double>> limits;
  std::function<void(const Option&, const std::string&)> store;

  bool is_family() const { return !shown_name.empty(); }
  const std::string& help_name() const { return is_family() ? shown_name : long_name; }
  // Whether "--…" names this option.
  bool is_named_by(const std::string& word) const {
    return is_family() ? word.starts_with("--" + long_name) : word == "--" + long_name;
  }
  void check_limits(double value) const {
    if (limits && !(value >= limits->first && value <= limits->second)) {
      throw base::InputError(base::str("--", long_name, " is ", format_number(value),
                                       ", allowed: ", range_text(limits->first, limits->second)));
    }
  }
};

struct CommandLine::Implementation {
  std::string command, summary, example;
  std::deque<Declared::Option> options;  // a deque: Declared refers to its elements
  std::string next_heading;
  std::string aside_flag, aside_help;  // empty when --help lists every option
  std::string positional_value_name, positional_help;
  std::vector<std::string>* positional_target = nullptr;
  std::size_t at_least = 0, at_most = 0;

  Declared::Option& declare(const std::string& name, const std::string& value_name, const std::string& help);
  [[noreturn]] void refuse(const std::string& sentence) const {
    throw base::InputError(base::str(sentence, "; see: trireme ", command, " --help"));
  }
  [[noreturn]] void refuse_unknown(const std::string& word) const;
  const Declared::Option* takes_next_word(const std::string& word) const;
  const Declared::Option* family_of(const std::string& word) const;
  std::string help_asked(const Arguments& arguments) const;
  Arguments with_plain_values(const Arguments& arguments) const;
  std::vector<HelpRow> rows(bool aside) const;
  boost::program_options::parsed_options tokenize(const Arguments& arguments) const;
  void take_positionals(const std::vector<std::string>& words) const;
};

}  // namespace trireme::options
