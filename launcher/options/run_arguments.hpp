// "RUN.ini [--section.key=value …]": the words that train, eval and generate share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/options/command_line.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Where the keys of the run file are listed: by --help, or by --help-keys.
enum class Listing { kInHelp, kAside };

/// Declares the positional RUN.ini (several with `most_files` above 1) and every --section.key on `line`; must outlive
/// line.parse(). The command's own options are declared before.
class RunArguments {
 public:
  RunArguments(CommandLine& line, Listing listing, std::size_t most_files = 1);
  RunArguments(const RunArguments&) = delete;
  RunArguments& operator=(const RunArguments&) = delete;

  /// After line.parse(): reads the run file with the overrides. Errors as load_run_file().
  RunOptions load(std::size_t index = 0, std::vector<std::string>* notes = nullptr) const;
  const std::string& file() const { return files_.front(); }
  const std::vector<std::string>& files() const { return files_; }
  const Overrides& overrides() const { return overrides_; }

 private:
  std::vector<std::string> files_;
  Overrides overrides_;
};

// The command lines of what the helper executes; the light program prints their help.

struct TrainLine {
  CommandLine line;
  RunArguments run;

  TrainLine();
};

struct EvalLine {
  std::string data, checkpoint;
  std::int64_t samples = 0;  ///< 0: all
  bool json = false;
  CommandLine line;
  RunArguments run;

  EvalLine();

 private:
  void declare();
};

struct GenerateLine {
  std::string prompt, checkpoint;
  std::int64_t max_tokens = 100, top_k = 0, seed = 0;
  double temperature = 1.0, top_p = 1.0;
  bool json = false;
  CommandLine line;
  RunArguments run;

  GenerateLine();

 private:
  void declare();
};

}  // namespace trireme::options
