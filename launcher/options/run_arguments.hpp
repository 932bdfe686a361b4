// The words "RUN.ini [--section.key=value …]" that train, eval and generate share; for those that use a model, MODEL
// stands in the place of RUN.ini.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/options/command_line.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Where the keys of the run file are listed: by --help, or by --help-keys.
enum class Listing { kInHelp, kAside };

/// What the word is that is no option.
enum class Subject {
  kRunFile,  ///< RUN.ini
  kModel     ///< MODEL: a run file or what launcher/session/model_source.hpp finds at that path
};

/// Declares the positional RUN.ini or MODEL (several when `most_files` is above 1) and every --section.key on `line`.
/// It must outlive line.parse(). Declare the command's own options before.
class RunArguments {
 public:
  RunArguments(CommandLine& line, Listing listing, std::size_t most_files = 1, Subject subject = Subject::kRunFile);
  RunArguments(const RunArguments&) = delete;
  RunArguments& operator=(const RunArguments&) = delete;

  /// Reads the run file with the overrides; call it after line.parse(). Errors as load_run_file().
  RunOptions load(std::size_t index = 0, std::vector<std::string>* notes = nullptr) const;
  /// The path that was given: of a run file or, with Subject::kModel, of a model.
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
  std::vector<std::string> data;  ///< a list of datasets each
  std::string checkpoint;
  std::int64_t samples = 0;              ///< of each dataset; 0: all
  std::int64_t sequence = 0;             ///< tokens of a sample; 0: the model's
  std::string logprobs, choices, embed;  ///< JSONL files; at most one is given
  std::string output;
  std::string pooling = "mean";
  std::string special_tokens = "yes";
  std::int64_t batch = 1;  ///< lines
  bool per_token = false, normalize = false, force = false, json = false;
  CommandLine line;
  RunArguments run;

  EvalLine();

 private:
  void declare();
};

/// How tokens are drawn, and how many; the options that generate and chat share.
struct DrawingOptions {
  std::int64_t max_tokens = 100, top_k = 0, seed = 0;
  double temperature = 1.0, top_p = 1.0;
  std::vector<std::string> stop;  ///< words that end a text; none is empty

  void declare(CommandLine& line);
  /// Call it after line.parse(). Throws base::InputError for an empty stop word.
  void check() const;
};

struct GenerateLine {
  std::optional<std::string> prompt;
  std::string prompts;  ///< a file of lines, given instead of `prompt`
  std::string checkpoint, output;
  std::string special_tokens = "yes";
  DrawingOptions drawing;
  std::int64_t batch = 8;
  bool chat = false, force = false, json = false;
  CommandLine line;
  RunArguments run;

  GenerateLine();

 private:
  void declare();
};

struct ChatLine {
  std::string system, checkpoint;
  DrawingOptions drawing;
  bool json = false;
  CommandLine line;
  RunArguments run;

  ChatLine();

 private:
  void declare();
};

}  // namespace trireme::options
