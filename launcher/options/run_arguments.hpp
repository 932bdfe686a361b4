// "RUN.ini [--section.key=value …]": the words that train, eval and generate share.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "launcher/options/command_line.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Declares the positional RUN.ini and every --section.key on `line`; must outlive line.parse().
class RunArguments {
 public:
  explicit RunArguments(CommandLine& line);
  RunArguments(const RunArguments&) = delete;
  RunArguments& operator=(const RunArguments&) = delete;

  /// After line.parse(): reads the run file with the overrides. Errors as load_run_file().
  RunOptions load() const;
  const std::string& file() const { return files_.front(); }
  const Overrides& overrides() const { return overrides_; }

 private:
  std::vector<std::string> files_;
  Overrides overrides_;
};

/// The whole command line of `trireme train`; nothing when --help was printed.
std::optional<RunOptions> parse_train_arguments(const Arguments& arguments);

}  // namespace trireme::options
