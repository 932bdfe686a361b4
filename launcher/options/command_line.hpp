// The words after a subcommand's name: declared once with their help, then parsed into variables.
//
//   CommandLine line("prepare", "text into a token dataset", "trireme prepare --tokenizer tok.json -o d.h5 book.txt");
//   line.value("tokenizer", tokenizer, "FILE", "tokenizer.json or a directory that holds one").required();
//   line.value("output,o", output, "FILE", "the dataset to write").required();
//   line.flag("json", json, "print one JSON object instead of a table");
//   line.positionals("INPUT", inputs, "text or JSONL files", 1);
//   if (!line.parse(arguments)) return base::kExitDone;   // --help was printed
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace trireme::options {

using Arguments = std::vector<std::string>;

/// Names are given as "long" or "long,s" (s: a one-letter form). Variables keep the value they have at the
/// declaration as their default (shown in the help) and must outlive parse().
class CommandLine {
 public:
  /// `example` is printed first in the help: one or more whole command lines, separated by newlines.
  CommandLine(std::string command, std::string summary, std::string example);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// What a declaration can still say about the option it just declared.
  class Declared {
   public:
    /// parse() refuses a command line without it.
    Declared& required();
    /// The only values accepted.
    Declared& one_of(std::vector<std::string> values);
    /// Numbers outside [low, high] are refused.
    Declared& range(double low, double high = std::numeric_limits<double>::infinity());

    struct Option;

   private:
    friend class CommandLine;
    explicit Declared(Option& option) : option_(option) {}
    Option& option_;
  };

  /// --name: sets `target` to true.
  Declared flag(const std::string& name, bool& target, const std::string& help);
  /// --name VALUE, at most once. `value_name` stands for the value in the help.
  Declared value(const std::string& name, std::string& target, const std::string& value_name, const std::string& help);
  Declared value(const std::string& name, std::int64_t& target, const std::string& value_name, const std::string& help);
  Declared value(const std::string& name, double& target, const std::string& value_name, const std::string& help);
  /// --name VALUE, as often as wanted; values are appended in order.
  Declared values(const std::string& name, std::vector<std::string>& target, const std::string& value_name,
                  const std::string& help);
  /// --name VALUE, at most once, handed to `receive`. The help text is printed as it is.
  Declared each(const std::string& name, const std::string& value_name, const std::string& help,
                std::function<void(const std::string&)> receive);
  /// A line of its own in the help, before the options declared after it.
  void heading(const std::string& title);
  /// The options declared after this are not listed by --help but by --`flag`, whose help text is `help`.
  void set_aside(const std::string& flag, const std::string& help);
  /// The words that are no options, in order. Call at most once.
  void positionals(const std::string& value_name, std::vector<std::string>& target, const std::string& help,
                   std::size_t at_least, std::size_t at_most = std::numeric_limits<std::size_t>::max());

  /// Whether the words ask for one of the two help texts. What is the value of an option, or stands after "--", does
  /// not.
  bool asks_for_help(const Arguments& arguments) const;

  /// Fills the variables. False when --help was asked for and printed to stdout: the command has nothing to do.
  /// Throws base::InputError naming the word: unknown option (with the nearest valid one), missing or repeated
  /// value, not a number, out of range, too few or too many positionals. "--" ends the options.
  bool parse(const Arguments& arguments);

  /// What --help prints: example, summary, options with defaults, in at most `width` cells where that can be.
  std::string help(std::size_t width = std::numeric_limits<std::size_t>::max()) const;
  /// What the flag of set_aside() prints.
  std::string help_aside(std::size_t width = std::numeric_limits<std::size_t>::max()) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

struct Subcommand {
  std::string name;
  std::string summary;
  std::function<int(const Arguments&)> run;  ///< gets the words after the name, returns the exit code
};

/// "trireme checkpoint list …": runs the subcommand that arguments[0] names with the rest. No word, --help, -h or
/// "help" prints example and list and returns 0; "help NAME …" is "NAME … --help". An unknown word is a
/// base::InputError naming the nearest.
int run_subcommand(const std::string& parent, const std::string& example, const std::vector<Subcommand>& subcommands,
                   const Arguments& arguments);

}  // namespace trireme::options
