#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/help_text.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

int run_subcommand(const std::string& parent, const std::string& example, const std::vector<Subcommand>& subcommands,
                   const Arguments& arguments) {
  const std::string prefix = parent.empty() ? "trireme" : "trireme " + parent;
  std::vector<std::string> names;
  std::vector<HelpRow> rows;
  for (const Subcommand& subcommand : subcommands) {
    names.push_back(subcommand.name);
    rows.push_back({subcommand.name, subcommand.summary});
  }
  const std::string word = arguments.empty() ? "help" : arguments.front();
  if (word == "help" && arguments.size() > 1) {
    Arguments words(arguments.begin() + 1, arguments.end());
    words.emplace_back("--help");
    return run_subcommand(parent, example, subcommands, words);
  }
  if (word == "--help" || word == "-h" || word == "help") {
    const std::string text = example_text(example) + "\n" + prefix + " COMMAND … (each has its own --help)\n" +
                             table_text(rows, help_width());
    base::answer_text(text);
    return base::kExitDone;
  }
  for (const Subcommand& subcommand : subcommands) {
    if (subcommand.name == word) return subcommand.run(Arguments(arguments.begin() + 1, arguments.end()));
  }
  const std::string near = base::nearest(word, names);
  throw InputError(str("unknown command ", parent.empty() ? "" : parent + " ", word,
                       near.empty() ? "" : ", did you mean " + near + "?", " (commands: ", base::join(names, ", "),
                       ")"));
}

}  // namespace trireme::options
