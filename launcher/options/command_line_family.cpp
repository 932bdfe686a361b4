// Options whose names the user completes: --group.NAME.key.
#include <algorithm>

#include "launcher/options/command_line_parts.hpp"

namespace trireme::options {

using Option = CommandLine::Declared::Option;

// The family that "--name", "--name=value" belongs to; null for any other word.
const Option* CommandLine::Implementation::family_of(const std::string& word) const {
  const auto found = std::ranges::find_if(
      options, [&](const Option& candidate) { return candidate.is_family() && candidate.is_named_by(word); });
  return found == options.end() ? nullptr : &*found;
}

void CommandLine::family(const std::string& prefix, const std::string& shown_name, const std::string& value_name,
                         const std::string& help, std::function<void(const std::string&, const std::string&)> receive) {
  Option& option = implementation_->declare(prefix, value_name, help);
  option.shown_name = shown_name;
  option.repeatable = true;
  option.store = [receive = std::move(receive)](const Option& declared, const std::string& text) {
    const std::size_t end = text.find('=');
    receive(declared.long_name + text.substr(0, end), text.substr(end + 1));
  };
}

}  // namespace trireme::options
