// trireme tokenizer train|encode|decode.
#include <charconv>
#include <cstdio>
#include <functional>
#include <string>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/json.hpp"
#include "base/output_file.hpp"
#include "io/text/bpe_trainer.hpp"
#include "io/text/document_reader.hpp"
#include "io/text/text_source.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/text_cut.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/commands/reading_options.hpp"
#include "launcher/console/format.hpp"
#include "launcher/console/progress.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

constexpr std::size_t kLargestInput = std::size_t{1} << 30;
constexpr text::ExpansionLimit kAnyExpansion{1e9};  // kLargestInput is the bound

/// A file's, a pipe's or stdin's bytes, decompressed. Nothing is left out of a text; only known binary formats are
/// refused.
std::string read_input(const std::string& path) {
  base::PosixFileSystem files;
  const auto source = text::open_text_source(files, path, kAnyExpansion, text::ContentCheck::kCertain);
  return text::read_whole(*source, text::display_name(path), kLargestInput);
}

struct FileArguments {
  std::string tokenizer;
  std::string file = "-";
};

/// Standard input can be read once.
void refuse_reading_twice(const FileArguments& files) {
  if (text::is_standard_input(files.tokenizer) && text::is_standard_input(files.file)) {
    throw InputError("the tokenizer and the text are both standard input: give one of them as a file");
  }
}

bool parse_files(options::CommandLine& line, const Arguments& arguments, FileArguments& files) {
  Arguments words;
  line.positionals("TOK [FILE]", words,
                   "tokenizer (tokenizer.json, vocab.json, or their directory); file, default stdin", 1, 2);
  if (!line.parse(arguments)) return false;
  files.tokenizer = words[0];
  if (words.size() > 1) files.file = words[1];
  refuse_reading_twice(files);
  return true;
}

int encode(const Arguments& arguments) {
  options::CommandLine line(
      "tokenizer encode", "prints the token ids of a text, separated by spaces",
      "trireme tokenizer encode tok.json book.txt\necho Hello | trireme tokenizer encode tok.json");
  FileArguments files;
  bool special = false;
  line.flag("special-tokens", special,
            "add the special tokens of the tokenizer's post-processor (beginning of text, [CLS] … [SEP])");
  if (!parse_files(line, arguments, files)) return base::kExitDone;
  const text::Tokenizer tokenizer = text::Tokenizer::load(files.tokenizer);
  std::vector<std::uint32_t> ids;
  const auto add = [&](const std::vector<std::uint32_t>& wrapping) {
    if (special) ids.insert(ids.end(), wrapping.begin(), wrapping.end());
  };
  add(tokenizer.wrapping().before);
  tokenizer.encode(read_input(files.file), ids);
  add(tokenizer.wrapping().after);
  std::string words;
  words.reserve(ids.size() * 6 + 1);
  char digits[16];
  for (const std::uint32_t id : ids) {
    if (!words.empty()) words.push_back(' ');
    words.append(digits, std::to_chars(digits, digits + sizeof digits, id).ptr);
  }
  base::answer(words);
  return base::kExitDone;
}

std::vector<std::uint32_t> read_ids(const std::string& words, const std::string& name) {
  std::vector<std::uint32_t> ids;
  const char* const end = words.data() + words.size();
  for (const char* p = words.data(); p < end;) {
    if (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
      ++p;
      continue;
    }
    std::uint32_t id = 0;
    const auto [stop, error] = std::from_chars(p, end, id);
    if (error != std::errc() || (stop < end && *stop != ' ' && !(*stop >= '\t' && *stop <= '\r'))) {
      throw InputError(str(text::display_name(name), " holds something at byte ", p - words.data(),
                           " that is no token id; write ids separated by white space"));
    }
    ids.push_back(id);
    p = stop;
  }
  return ids;
}

int decode(const Arguments& arguments) {
  options::CommandLine line(
      "tokenizer decode", "prints the text of token ids, which are separated by white space",
      "trireme tokenizer decode tok.json ids.txt\necho 464 3290 | trireme tokenizer decode gpt2/");
  FileArguments files;
  bool skip_special = false;
  line.flag("skip-special-tokens", skip_special, "leave special tokens out");
  if (!parse_files(line, arguments, files)) return base::kExitDone;
  const text::Tokenizer tokenizer = text::Tokenizer::load(files.tokenizer);
  base::answer_content(tokenizer.decode(read_ids(read_input(files.file), files.file), skip_special));
  return base::kExitDone;
}

struct TrainArguments {
  std::int64_t vocabulary = 0;
  std::string output;
  std::string pattern = "gpt2";
  std::string unit = "line";
  ReadingOptions reading;
  std::vector<std::string> special;
  std::vector<std::string> inputs;
  std::int64_t threads = 0;
  bool force = false;
  bool json = false;
};

bool parse_train(const Arguments& arguments, TrainArguments& train) {
  options::CommandLine line(
      "tokenizer train", "learns a byte-level BPE vocabulary and writes it as Hugging Face tokenizer.json",
      "trireme tokenizer train --vocab 4096 --output tok.json book.txt\n"
      "trireme tokenizer train --vocab 32000 --pattern llama3 --output tok.json corpus.jsonl.zst");
  line.value("vocab", train.vocabulary, "N", "tokens in all: special tokens, 256 bytes and merges")
      .required()
      .range(257, 16777216);
  line.value("output,o", train.output, "FILE", "the tokenizer.json to write").required();
  line.value("pattern", train.pattern, "NAME", "how text is cut into words: as GPT-2 does or as Llama-3 does")
      .one_of({"gpt2", "llama3"});
  line.values("special", train.special, "TOKEN", "a special token, repeatable (default: <|endoftext|>); ids 0, 1, ...");
  line.value("unit", train.unit, "UNIT",
             "what is cut into words by itself: line (as Hugging Face's train(files)), or document (as its "
             "train_from_iterator(documents); words may then hold line ends and what follows)")
      .one_of({"line", "document"});
  train.reading.declare(line);
  line.value("threads", train.threads, "N", "threads that count words; 0: one per core").range(0, 1024);
  line.flag("force", train.force, "replace a file that is there already");
  line.flag("json", train.json, "print one JSON object instead of a sentence");
  line.positionals("INPUT", train.inputs, "text or JSONL files (also .gz, .zst), directories, pipes, or - for stdin",
                   1);
  if (!line.parse(arguments)) return false;
  if (train.special.empty()) train.special = {"<|endoftext|>"};
  return true;
}

/// Where text may be cut without changing any word.
std::function<std::size_t(std::string_view)> cut_for(const TrainArguments& train) {
  if (train.unit == "line") return [](std::string_view text) { return text.rfind('\n') + 1; };
  text::TokenizerDefinition definition;
  definition.use_gpt2_pattern = train.pattern == "gpt2";
  if (!definition.use_gpt2_pattern) definition.splits = {text::kLlama3Pattern};
  return tokens::text_cut(definition);
}

text::TrainedTokenizer run_training(base::FileSystem& files, const TrainArguments& train) {
  text::DocumentReaderOptions reading = train.reading.reader();
  reading.cut = cut_for(train);
  reading.piece_bytes = std::size_t{1} << 20;
  text::DocumentReader reader(files, train.inputs, reading);
  print_notes(reader);
  const text::TextSource source = [&reader, piece = text::DocumentPiece()](std::string& text) mutable {
    if (!reader.next(piece)) return false;
    text.swap(piece.text);
    return true;
  };
  Progress counting(stderr, "counting words"), merging(stderr, "merging");
  text::TrainerOptions options;
  options.vocabulary = static_cast<std::size_t>(train.vocabulary);
  options.special_tokens = train.special;
  options.pattern = train.pattern;
  options.lines = train.unit == "line";
  options.threads = static_cast<unsigned>(train.threads);
  options.on_bytes = [&](std::uint64_t bytes) {
    counting.update(reader.consumed(), reader.total(), format_bytes(static_cast<double>(bytes)) + " of text");
  };
  options.on_merges = [&](std::size_t done, std::size_t wanted) {
    merging.update(done, wanted, with_commas(done) + " merges");
  };
  text::TrainedTokenizer trained = text::train_bpe(source, options);
  counting.finish();
  merging.finish();
  return trained;
}

void report(const TrainArguments& train, const text::TrainedTokenizer& trained) {
  const std::size_t size = trained.definition.vocabulary.size();
  if (train.json) {
    const base::Json json = {{"output", train.output},
                             {"vocabulary", size},
                             {"merges", trained.definition.merges.size()},
                             {"text_bytes", trained.bytes},
                             {"unique_words", trained.unique_words}};
    base::answer_json(json);
    return;
  }
  base::answer(str(train.output, ": ", size, " tokens from ", trained.bytes, " bytes of text with ",
                   trained.unique_words, " different words"));
  if (size < static_cast<std::size_t>(train.vocabulary)) {
    base::answer(str("the text has no more pairs to merge: ", train.vocabulary, " tokens were asked for"));
  }
}

int train(const Arguments& arguments) {
  TrainArguments train;
  if (!parse_train(arguments, train)) return base::kExitDone;
  base::PosixFileSystem files;
  const auto overwrite = train.force ? base::Overwrite::kForced : base::Overwrite::kRefused;
  base::output_file(train.output, overwrite);
  const text::TrainedTokenizer trained = run_training(files, train);
  files.replace(base::output_file(train.output, overwrite), text::write_tokenizer_json(trained.definition));
  report(train, trained);
  return base::kExitDone;
}

}  // namespace

int tokenizer_command(const Arguments& arguments) {
  return options::run_subcommand("tokenizer", "trireme tokenizer train --vocab 4096 --output tok.json book.txt",
                                 {{"train", "learns a byte-level BPE vocabulary from text", train},
                                  {"encode", "prints the token ids of a text", encode},
                                  {"decode", "prints the text of token ids", decode}},
                                 arguments);
}

}  // namespace trireme::launcher
