#include "launcher/options/command_line.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <deque>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/command_line_parts.hpp"
#include "launcher/options/help_text.hpp"
#include "launcher/options/number.hpp"

namespace trireme::options {

namespace po = boost::program_options;
using Option = CommandLine::Declared::Option;
using base::InputError;
using base::str;

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
  option.aside = !aside_flag.empty();
  return options.emplace_back(std::move(option));
}

void CommandLine::Implementation::refuse_unknown(const std::string& word) const {
  std::vector<std::string> names = {"--help"};
  for (const Option& option : options) names.push_back("--" + option.help_name());
  const std::string name = word.substr(0, word.find('='));
  const std::string near = base::nearest(name, names);
  if (!near.empty()) refuse(str(command, ": unknown option ", name, ", did you mean ", near, "?"));
  // A key may have quite another name in other programs (optimizer.learning_rate), so the keys of its section are
  // listed.
  const std::string section = name.substr(0, name.find('.') + 1);
  std::erase_if(names, [&](const std::string& known) { return section.empty() || !known.starts_with(section); });
  refuse(str(command, ": unknown option ", name, names.empty() ? "" : " (known: " + base::join(names, ", ") + ")"));
}

// The option of "--name" or "-n" whose value is the next word, whatever that is; null for any other word.
const Option* CommandLine::Implementation::takes_next_word(const std::string& word) const {
  const auto option = std::ranges::find_if(options, [&](const Option& candidate) {
    const bool is_short = !candidate.short_name.empty() && word == "-" + candidate.short_name;
    const bool is_long = candidate.is_named_by(word) && word.find('=') == std::string::npos;
    return !candidate.value_name.empty() && (is_short || is_long);
  });
  return option == options.end() ? nullptr : &*option;
}

// Returns which help is asked for: "help", the flag of set_aside(), or "" for none.
std::string CommandLine::Implementation::help_asked(const Arguments& arguments) const {
  for (auto word = arguments.begin(); word != arguments.end() && *word != "--"; ++word) {
    if (*word == "--help" || *word == "-h") return "help";
    if (!aside_flag.empty() && *word == "--" + aside_flag) return aside_flag;
    if (takes_next_word(*word) != nullptr && ++word == arguments.end()) break;
  }
  return "";
}

// Boost does not accept a value that looks like an option, and refuses "--key=", which sets an empty value. It accepts
// any content in "--key=value", and in "--key" followed by an empty word, so values are passed in these forms.
Arguments CommandLine::Implementation::with_plain_values(const Arguments& arguments) const {
  Arguments words;
  const auto add = [&](const std::string& name, const std::string& value) {
    words.push_back(value.empty() ? name : name + "=" + value);
    if (value.empty()) words.emplace_back();
  };
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (*word == "--") {
      words.insert(words.end(), word, arguments.end());
      break;
    }
    // Boost knows the options of a family as one, whose value is "rest of the name=value".
    if (const Option* const family = family_of(*word)) {
      std::string text = word->substr(family->long_name.size() + 2);
      if (text.find('=') == std::string::npos) {
        if (std::next(word) == arguments.end()) refuse(str(command, ": ", *word, " needs a value"));
        text += "=" + *++word;
      }
      add("--" + family->long_name, text);
      continue;
    }
    const Option* const option = takes_next_word(*word);
    const std::string name = word->substr(0, word->size() - 1);
    if (option != nullptr && std::next(word) != arguments.end()) {
      add("--" + option->long_name, *++word);
    } else if (word->starts_with("--") && word->ends_with('=') && takes_next_word(name) != nullptr) {
      add(name, "");
    } else {
      words.push_back(*word);
    }
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
    return po::command_line_parser(with_plain_values(arguments))
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
  option.default_text = base::join(target, ", ");
  option.store = [&target](const Option&, const std::string& text) { target.push_back(text); };
  return Declared(option);
}

CommandLine::Declared CommandLine::each(const std::string& name, const std::string& value_name, const std::string& help,
                                        std::function<void(const std::string&)> receive) {
  Option& option = implementation_->declare(name, value_name, help);
  option.store = [receive = std::move(receive)](const Option&, const std::string& text) { receive(text); };
  return Declared(option);
}

void CommandLine::set_aside(const std::string& flag, const std::string& help) {
  implementation_->aside_flag = flag;
  implementation_->aside_help = help;
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

bool CommandLine::asks_for_help(const Arguments& arguments) const {
  return !implementation_->help_asked(arguments).empty();
}

bool CommandLine::parse(const Arguments& arguments) {
  Implementation& self = *implementation_;
  if (const std::string asked = self.help_asked(arguments); !asked.empty()) {
    base::answer_text(asked == "help" ? help(help_width()) : help_aside(help_width()));
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
      self.refuse(str("--", option->long_name, " is '", text, "', allowed: ", base::join(option->allowed, ", ")));
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

}  // namespace trireme::options
