#include "launcher/options/command_line.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "launcher/options/help_text.hpp"
#include "launcher/options/number.hpp"

namespace trireme::options {

namespace po = boost::program_options;
using base::InputError;
using base::str;

struct CommandLine::Declared::Option {
  std::string long_name;
  std::string short_name;
  std::string value_name;  // empty: a flag
  std::string help;
  std::string default_text;
  std::string heading;  // printed before it in the help
  bool repeatable = false;
  bool required = false;
  std::vector<std::string> allowed;
  std::optional<std::pair<double, double>> limits;
  std::function<void(const Option&, const std::string&)> store;

  void check_limits(double value) const {
    if (limits && !(value >= limits->first && value <= limits->second)) {
      throw InputError(
          str("--", long_name, " is ", format_number(value), ", allowed: ", range_text(limits->first, limits->second)));
    }
  }
};

using Option = CommandLine::Declared::Option;

struct CommandLine::Implementation {
  std::string command, summary, example;
  std::deque<Option> options;  // a deque: Declared refers to its elements
  std::string next_heading;
  std::string positional_value_name, positional_help;
  std::vector<std::string>* positional_target = nullptr;
  std::size_t at_least = 0, at_most = 0;

  Option& declare(const std::string& name, const std::string& value_name, const std::string& help);
  [[noreturn]] void refuse(const std::string& sentence) const {
    throw InputError(str(sentence, "; see: trireme ", command, " --help"));
  }
  [[noreturn]] void refuse_unknown(const std::string& word) const;
  Arguments with_empty_values_apart(const Arguments& arguments) const;
  po::parsed_options tokenize(const Arguments& arguments) const;
  void take_positionals(const std::vector<std::string>& words) const;
};

namespace {

constexpr const char* kPositional = "positional words";

}  // namespace

Option& CommandLine::Implementation::declare(const std::string& name, const std::string& value_name,
                                             const std::string& help) {
  Option option;
  const std::size_t comma = name.find(',');
  option.long_name = name.substr(0, comma);
  if (comma != std::string::npos) option.short_name = name.substr(comma + 1);
  option.value_name = value_name;
  option.help = help;
  option.heading = std::exchange(next_heading, "");
  return options.emplace_back(std::move(option));
}

void CommandLine::Implementation::refuse_unknown(const std::string& word) const {
  std::vector<std::string> names = {"--help"};
  for (const Option& option : options) names.push_back("--" + option.long_name);
  const std::string name = word.substr(0, word.find('='));
  const std::string near = base::nearest(name, names);
  if (!near.empty()) refuse(str(command, ": unknown option ", name, ", did you mean ", near, "?"));
  // Nothing is near a key that other programs name otherwise (optimizer.learning_rate): its section tells.
  const std::string section = name.substr(0, name.find('.') + 1);
  std::erase_if(names, [&](const std::string& known) { return section.empty() || !known.starts_with(section); });
  refuse(str(command, ": unknown option ", name, names.empty() ? "" : " (known: " + join(names, ", ") + ")"));
}

// Boost refuses "--key=", which empties a value; "--key" and an empty word it takes.
Arguments CommandLine::Implementation::with_empty_values_apart(const Arguments& arguments) const {
  Arguments words;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (*word == "--") {
      words.insert(words.end(), word, arguments.end());
      break;
    }
    const bool empties = std::ranges::any_of(options, [&](const Option& option) {
      return !option.value_name.empty() && *word == str("--", option.long_name, "=");
    });
    words.push_back(empties ? word->substr(0, word->size() - 1) : *word);
    if (empties) words.emplace_back();
  }
  return words;
}

po::parsed_options CommandLine::Implementation::tokenize(const Arguments& arguments) const {
  po::options_description known;
  known.add_options()("help,h", "");
  for (const Option& option : options) {
    const std::string name =
        option.short_name.empty() ? option.long_name : str(option.long_name, ",", option.short_name);
    if (option.value_name.empty()) {
      known.add_options()(name.c_str(), "");
    } else {
      known.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
    }
  }
  known.add_options()(kPositional, po::value<std::vector<std::string>>(), "");
  po::positional_options_description positional;
  positional.add(kPositional, -1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    return po::command_line_parser(with_empty_values_apart(arguments))
        .options(known)
        .positional(positional)
        .style(style)
        .run();
  } catch (const po::unknown_option& error) {
    refuse_unknown(error.get_option_name());
  } catch (const po::error& error) {
    refuse(str(command, ": ", error.what()));
  }
}

void CommandLine::Implementation::take_positionals(const std::vector<std::string>& words) const {
  const std::size_t most = positional_target == nullptr ? 0 : at_most;
  if (words.size() > most) {
    refuse(str(command, ": unexpected word ", words[most]));
  }
  if (words.size() < at_least) {
    refuse(str(command, ": ", positional_value_name, " is missing (", positional_help, ")"));
  }
  if (positional_target != nullptr) *positional_target = words;
}

CommandLine::CommandLine(std::string command, std::string summary, std::string example)
    : implementation_(std::make_unique<Implementation>()) {
  implementation_->command = std::move(command);
  implementation_->summary = std::move(summary);
  implementation_->example = std::move(example);
}

CommandLine::~CommandLine() = default;

CommandLine::Declared& CommandLine::Declared::required() {
  option_.required = true;
  option_.default_text.clear();
  return *this;
}

CommandLine::Declared& CommandLine::Declared::one_of(std::vector<std::string> values) {
  option_.allowed = std::move(values);
  return *this;
}

CommandLine::Declared& CommandLine::Declared::range(double low, double high) {
  option_.limits = {low, high};
  return *this;
}

CommandLine::Declared CommandLine::flag(const std::string& name, bool& target, const std::string& help) {
  Option& option = implementation_->declare(name, "", help);
  option.store = [&target](const Option&, const std::string&) { target = true; };
  return Declared(option);
}

CommandLine::Declared CommandLine::value(const std::string& name, std::string& target, const std::string& value_name,
                                         const std::string& help) {
  Option& option = implementation_->declare(name, value_name, help);
  option.default_text = target;
  option.store = [&target](const Option&, const std::string& text) { target = text; };
  return Declared(option);
}

CommandLine::Declared CommandLine::value(const std::string& name, std::int64_t& target, const std::string& value_name,
                                         const std::string& help) {
  Option& option = implementation_->declare(name, value_name, help);
  option.default_text = std::to_string(target);
  option.store = [&target](const Option& declared, const std::string& text) {
    const std::optional<std::int64_t> number = parse_integer(text);
    if (!number) throw InputError(str("--", declared.long_name, " needs a whole number, not '", text, "'"));
    declared.check_limits(static_cast<double>(*number));
    target = *number;
  };
  return Declared(option);
}

CommandLine::Declared CommandLine::value(const std::string& name, double& target, const std::string& value_name,
                                         const std::string& help) {
  Option& option = implementation_->declare(name, value_name, help);
  option.default_text = format_number(target);
  option.store = [&target](const Option& declared, const std::string& text) {
    const std::optional<double> number = parse_number(text);
    if (!number) throw InputError(str("--", declared.long_name, " needs a number, not '", text, "'"));
    declared.check_limits(*number);
    target = *number;
  };
  return Declared(option);
}

CommandLine::Declared CommandLine::values(const std::string& name, std::vector<std::string>& target,
                                          const std::string& value_name, const std::string& help) {
  Option& option = implementation_->declare(name, value_name, help);
  option.repeatable = true;
  option.default_text = join(target, ", ");
  option.store = [&target](const Option&, const std::string& text) { target.push_back(text); };
  return Declared(option);
}

CommandLine::Declared CommandLine::each(const std::string& name, const std::string& value_name, const std::string& help,
                                        std::function<void(const std::string&)> receive) {
  Option& option = implementation_->declare(name, value_name, help);
  option.store = [receive = std::move(receive)](const Option&, const std::string& text) { receive(text); };
  return Declared(option);
}

void CommandLine::heading(const std::string& title) { implementation_->next_heading = title; }

void CommandLine::positionals(const std::string& value_name, std::vector<std::string>& target, const std::string& help,
                              std::size_t at_least, std::size_t at_most) {
  implementation_->positional_value_name = value_name;
  implementation_->positional_help = help;
  implementation_->positional_target = &target;
  implementation_->at_least = at_least;
  implementation_->at_most = at_most;
}

bool CommandLine::parse(const Arguments& arguments) {
  Implementation& self = *implementation_;
  const auto options_end = std::find(arguments.begin(), arguments.end(), "--");
  if (std::any_of(arguments.begin(), options_end, [](const auto& word) { return word == "--help" || word == "-h"; })) {
    base::answer_text(help());
    return false;
  }
  std::set<std::string> seen;
  std::vector<std::string> words;
  for (const po::option& parsed : self.tokenize(arguments).options) {
    if (parsed.string_key == kPositional) {
      words.insert(words.end(), parsed.value.begin(), parsed.value.end());
      continue;
    }
    const auto option = std::find_if(self.options.begin(), self.options.end(),
                                     [&](const Option& candidate) { return candidate.long_name == parsed.string_key; });
    const bool first = seen.insert(option->long_name).second;
    const bool is_flag = option->value_name.empty();
    if (!first && !option->repeatable && !is_flag) self.refuse(str("--", option->long_name, " is given twice"));
    const std::string text = is_flag ? "" : parsed.value.front();
    if (!option->allowed.empty() && std::count(option->allowed.begin(), option->allowed.end(), text) == 0) {
      self.refuse(str("--", option->long_name, " is '", text, "', allowed: ", join(option->allowed, ", ")));
    }
    option->store(*option, text);
  }
  for (const Option& option : self.options) {
    if (option.required && seen.count(option.long_name) == 0) {
      self.refuse(str(self.command, ": --", option.long_name, " is missing (", option.help, ")"));
    }
  }
  self.take_positionals(words);
  return true;
}

std::string CommandLine::help() const {
  const Implementation& self = *implementation_;
  std::string text = example_text(self.example);
  text += str("\ntrireme ", self.command, ": ", self.summary, "\n\n");
  std::vector<HelpRow> rows;
  if (self.positional_target != nullptr) {
    rows.push_back({self.positional_value_name + (self.at_most > 1 ? " …" : ""), self.positional_help, ""});
  }
  rows.push_back({"-h, --help", "print this", ""});
  for (const Option& option : self.options) {
    std::string left = option.short_name.empty() ? "" : str("-", option.short_name, ", ");
    left += "--" + option.long_name + (option.value_name.empty() ? "" : " " + option.value_name);
    std::string right = option.help;
    if (!option.allowed.empty()) right += ": " + join(option.allowed, ", ");
    if (option.required) right += " (required)";
    if (option.repeatable) right += " (repeatable)";
    if (!option.default_text.empty()) right += " (default " + option.default_text + ")";
    rows.push_back({std::move(left), std::move(right), option.heading});
  }
  return text + table_text(rows);
}

}  // namespace trireme::options
