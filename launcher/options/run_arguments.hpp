// The words "RUN.ini [--section.key=value …]" that train, eval and generate share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/options/command_line.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Where the keys of the run file are listed: by --help, or by --help-keys.
enum class Listing { kInHelp, kAside };

/// Declares the positional RUN.ini (several when `most_files` is above 1) and every --section.key on `line`. It must
/// outlive line.parse(). Declare the command's own options before.
class RunArguments {
 public:
  RunArguments(CommandLine& line, Listing listing, std::size_t most_files = 1);
  RunArguments(const RunArguments&) = delete;
  RunArguments& operator=(const RunArguments&) = delete;

  /// Reads the run file with the overrides; call it after line.parse(). Errors as load_run_file().
  RunOptions load(std::size_t index = 0, std::vector<std::string>* notes = nullptr) const;
  const std::string& file() const { return files_.front(); }
  const std::vector<std::string>& files() const { return files_; }
  const Overrides& overrides() const { return overrides_; }

 private:
  std::vector<std::string> files_;
  Overrides overrides_;
};

// The command lines of the commands that the helper executes; the light program prints their help.

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
