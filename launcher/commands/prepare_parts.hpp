// What `trireme prepare` has in common for text and for conversations.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/output_file.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/dataset_format.hpp"
#include "io/tokens/split_writer.hpp"
#include "launcher/commands/reading_options.hpp"

namespace trireme::launcher {

struct PrepareOptions {
  std::string tokenizer;
  std::string output;
  std::string valid_output;
  double valid_fraction = 0;
  ReadingOptions reading;
  std::string prompt_field;
  bool chat = false;
  std::int64_t sequence = 0;  ///< tokens of a sample; only with chat
  bool no_packing = false;
  std::string end_of_text;
  bool special_tokens = false;
  std::string invalid_utf8 = "replace";
  std::int64_t threads = 0;
  bool verify = false;
  bool force = false;
  bool json = false;
  std::vector<std::string> inputs;

  base::Overwrite overwrite() const { return force ? base::Overwrite::kForced : base::Overwrite::kRefused; }
  /// Where the datasets belong, links followed. Throws what base::output_file() does.
  tokens::SplitPaths places() const {
    const auto place = [this](const std::string& name) { return base::output_file(name, overwrite()).string(); };
    return {place(output), valid_output.empty() ? "" : place(valid_output)};
  }
};

/// Returns false after --help. Throws what CommandLine::parse() does.
bool parse_prepare(const std::vector<std::string>& arguments, PrepareOptions& options);
/// Completes valid_output. Throws base::InputError for options that do not go together.
void check_prepare(PrepareOptions& options);

/// The id of --end-of-text, else the one that the tokenizer is known for. Throws base::InputError when there is none.
std::uint32_t end_of_text(const text::Tokenizer& tokenizer, const PrepareOptions& options);
/// How many threads encode.
unsigned thread_count(const PrepareOptions& options);

/// A dataset that was written, as JSON and as a line for people.
base::Json dataset_json(const std::string& path, const tokens::DatasetHeader& header);
std::string dataset_line(const std::string& path, const tokens::DatasetHeader& header);

/// trireme prepare --chat: conversations into a dataset of format 2. `options` are checked. Returns the exit code.
int prepare_chat(const PrepareOptions& options);

}  // namespace trireme::launcher
