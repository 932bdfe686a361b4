// "RUN.ini [--section.key=value …]": the words that train, eval and generate share.
#pragma once

#include <string>
#include <vector>

#include "launcher/options/command_line.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Declares the positional RUN.ini (several with `most_files` above 1) and every --section.key on `line`; must outlive
/// line.parse().
class RunArguments {
 public:
  explicit RunArguments(CommandLine& line, std::size_t most_files = 1);
  RunArguments(const RunArguments&) = delete;
  RunArguments& operator=(const RunArguments&) = delete;

  /// After line.parse(): reads the run file with the overrides. Errors as load_run_file().
  RunOptions load(std::size_t index = 0) const;
  const std::string& file() const { return files_.front(); }
  const std::vector<std::string>& files() const { return files_; }
  const Overrides& overrides() const { return overrides_; }

 private:
  std::vector<std::string> files_;
  Overrides overrides_;
};

/// The command line of `trireme train`: the light program prints its help, the helper executes it.
struct TrainLine {
  CommandLine line;
  RunArguments run;

  TrainLine();
};

}  // namespace trireme::options
