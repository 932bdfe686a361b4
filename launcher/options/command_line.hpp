// Parses the words after a subcommand's name. Options are declared once, with their help, and parsed into variables.
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

/// Names are given as "long" or "long,s" (s: a one-letter form). A variable's value at the declaration is its default,
/// which the help shows; the variables must outlive parse().
class CommandLine {
 public:
  /// `example` is printed first in the help: one or more whole command lines, separated by newlines.
  CommandLine(std::string command, std::string summary, std::string example);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Lets a declaration say more about the option that it just declared.
  class Declared {
   public:
    /// Makes parse() refuse a command line without the option.
    Declared& required();
    /// Allows these values only.
    Declared& one_of(std::vector<std::string> values);
    /// Makes parse() refuse numbers outside [low, high].
    Declared& range(double low, double high = std::numeric_limits<double>::infinity());

    struct Option;

   private:
    friend class CommandLine;
    explicit Declared(Option& option) : option_(option) {}
    Option& option_;
  };

  /// Declares --name, which sets `target` to true.
  Declared flag(const std::string& name, bool& target, const std::string& help);
  /// Declares --name VALUE, at most once. `value_name` stands for the value in the help.
  Declared value(const std::string& name, std::string& target, const std::string& value_name, const std::string& help);
  Declared value(const std::string& name, std::int64_t& target, const std::string& value_name, const std::string& help);
  Declared value(const std::string& name, double& target, const std::string& value_name, const std::string& help);
  /// Declares --name VALUE, any number of times; values are appended in order.
  Declared values(const std::string& name, std::vector<std::string>& target, const std::string& value_name,
                  const std::string& help);
  /// Declares --name VALUE, at most once; the value is passed to `receive`. The help text is printed as it is.
  Declared each(const std::string& name, const std::string& value_name, const std::string& help,
                std::function<void(const std::string&)> receive);
  /// Declares all options whose names begin with `prefix`, as in --group.NAME.key VALUE, any number of times; the name
  /// without -- and the value are passed to `receive`. The help shows --`shown_name`.
  void family(const std::string& prefix, const std::string& shown_name, const std::string& value_name,
              const std::string& help, std::function<void(const std::string&, const std::string&)> receive);
  /// Adds a line to the help, before the options declared after it.
  void heading(const std::string& title);
  /// The options declared after this are listed by --`flag` instead of --help; `help` is the help text of this flag.
  void set_aside(const std::string& flag, const std::string& help);
  /// Declares the words that are not options, in order. Call it at most once.
  void positionals(const std::string& value_name, std::vector<std::string>& target, const std::string& help,
                   std::size_t at_least, std::size_t at_most = std::numeric_limits<std::size_t>::max());

  /// Whether the words ask for one of the two help texts. A word that is the value of an option, or comes after "--",
  /// does not.
  bool asks_for_help(const Arguments& arguments) const;

  /// Fills the variables. Returns false when --help was asked for and printed to stdout, so the command has nothing to
  /// do. Throws base::InputError naming the word: unknown option (with the nearest valid one), missing or repeated
  /// value, not a number, out of range, too few or too many positionals. "--" ends the options.
  bool parse(const Arguments& arguments);

  /// What --help prints: example, summary, options with defaults, in at most `width` cells where possible.
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
  std::function<int(const Arguments&)> run;  ///< takes the words after the name, returns the exit code
};

/// Runs the subcommand that arguments[0] names with the other arguments ("trireme checkpoint list …"). Without a word,
/// and after --help, -h or "help", it prints example and list and returns 0; "help NAME …" is "NAME … --help". Throws
/// base::InputError for an unknown word, naming the nearest.
int run_subcommand(const std::string& parent, const std::string& example, const std::vector<Subcommand>& subcommands,
                   const Arguments& arguments);

}  // namespace trireme::options
