// The command line of trireme prepare.
#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "io/text/byte_source.hpp"
#include "launcher/commands/prepare_parts.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

/// Whether two names that may not exist yet are of one file.
bool same_place(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code unresolved;  // an open pipe has no path
  const auto resolved = std::filesystem::weakly_canonical(a, unresolved);
  return a == b || (!resolved.empty() && resolved == std::filesystem::weakly_canonical(b, unresolved));
}

void check_chat(const PrepareOptions& options) {
  if (!options.chat) {
    if (options.sequence > 0 || options.no_packing) {
      throw base::InputError("--sequence and --no-packing are about conversations: add --chat, or leave them out");
    }
    return;
  }
  if (options.sequence == 0) {
    throw base::InputError("prepare --chat needs --sequence T, the model.sequence of the training");
  }
  if (options.special_tokens || !options.prompt_field.empty() || options.reading.field != ReadingOptions().field ||
      options.reading.format == "text") {
    throw base::InputError(
        "--chat reads JSONL of conversations and wraps them by the model's chat template: leave --field, "
        "--prompt-field, --special-tokens and --format text out");
  }
}

}  // namespace

bool parse_prepare(const std::vector<std::string>& arguments, PrepareOptions& options) {
  options::CommandLine line(
      "prepare", "text, JSONL or standard input into a token dataset for training",
      "trireme prepare --tokenizer tokenizer.json --output data.h5 --valid-fraction 0.05 book.txt\n"
      "trireme prepare --tokenizer tokenizer.json --output chat.h5 --field answer --prompt-field "
      "question chat.jsonl.zst\n"
      "trireme prepare --chat --sequence 2048 --tokenizer MODEL --output chat.h5 chat.jsonl\n"
      "trireme prepare --verify data.h5");
  line.value("tokenizer,t", options.tokenizer, "FILE",
             "tokenizer.json, vocab.json, or a directory that holds one; with --chat also a checkpoint or a run");
  line.value("output,o", options.output, "FILE", "the dataset to write");
  line.value("valid-fraction", options.valid_fraction, "F",
             "share of the documents (of the tokens, below 100 documents; with --chat always of the conversations) "
             "that goes to "
             "a validation dataset; 0 = none")
      .range(0, 0.999);
  line.value("valid-output", options.valid_output, "FILE",
             "the validation dataset (default: DATA.valid.h5 beside DATA.h5)");
  options.reading.declare(line);
  line.value("prompt-field", options.prompt_field, "NAME",
             "JSONL: a member whose text comes first and is read but not learned (loss mask 0)");
  line.flag(
      "chat", options.chat,
      "JSONL of conversations, {\"messages\": …} or {\"prompt\": …, \"response\": …}, into samples for supervised "
      "fine-tuning, by the model's chat template");
  line.value("sequence", options.sequence, "T", "--chat: tokens of a sample, the model.sequence of the training")
      .range(2, 1 << 24);
  line.flag("no-packing", options.no_packing, "--chat: one conversation a sample");
  line.value("end-of-text", options.end_of_text, "TOKEN",
             "the token after each document (default: the tokenizer's <|endoftext|>, <|end_of_text|>, </s>, …)");
  line.flag("special-tokens", options.special_tokens,
            "wrap each document in the special tokens of the tokenizer's post-processor (beginning of text, [CLS] … "
            "[SEP]); where they end it, no end-of-text token follows");
  line.value("invalid-utf8", options.invalid_utf8, "HOW", "bytes that are not UTF-8 become U+FFFD, or are an error")
      .one_of({"replace", "refuse"});
  line.value("threads", options.threads, "N", "encoding threads; 0 = one for each CPU").range(0, 4096);
  line.flag("verify", options.verify, "instead: read the datasets named as INPUT whole and compare their checksums");
  line.flag("force", options.force, "replace datasets that are there already");
  line.flag("json", options.json, "print one JSON object instead of a table");
  line.positionals("INPUT", options.inputs,
                   "plain text (a file is one document), JSONL (a line is one), gzip or zstd of either, a directory of "
                   "such files, a pipe, or - for standard input",
                   1);
  return line.parse(arguments);
}

void check_prepare(PrepareOptions& options) {
  if (options.tokenizer.empty()) throw base::InputError("prepare needs --tokenizer FILE: see trireme prepare --help");
  if (options.output.empty()) throw base::InputError("prepare needs --output DATA.h5: see trireme prepare --help");
  check_chat(options);
  if (options.valid_fraction > 0 && options.valid_output.empty()) {
    const std::filesystem::path output = options.output;
    auto name = output.stem();
    name += ".valid";
    name += output.extension();
    options.valid_output = (output.parent_path() / name).string();
  }
  if (options.valid_fraction == 0 && !options.valid_output.empty()) {
    throw base::InputError("--valid-output needs --valid-fraction above 0");
  }
  if (same_place(options.valid_output, options.output)) {
    throw base::InputError(base::str("--output and --valid-output are both ", options.output, ": name two files"));
  }
  if (text::is_standard_input(options.tokenizer) &&
      std::any_of(options.inputs.begin(), options.inputs.end(), text::is_standard_input)) {
    throw base::InputError("the tokenizer and an input are both standard input: give one of them as a file");
  }
  for (const std::string& output : {options.output, options.valid_output}) {
    for (const std::string& input : options.inputs) {
      std::error_code code;
      if (!output.empty() && std::filesystem::equivalent(input, output, code) && !code) {
        throw base::InputError(base::str(output, " is both input and output: name another output"));
      }
    }
  }
}

}  // namespace trireme::launcher
