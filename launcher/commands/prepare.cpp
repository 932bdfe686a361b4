// trireme prepare: text into a token dataset.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/document_reader.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/encoding_pipeline.hpp"
#include "io/tokens/split_writer.hpp"
#include "io/tokens/text_cut.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/commands/prepare_parts.hpp"
#include "launcher/console/cleanup_on_signal.hpp"
#include "launcher/console/format.hpp"
#include "launcher/console/progress.hpp"

namespace trireme::launcher {
namespace {

/// What the summary tells beyond the datasets themselves.
struct Run {
  text::DocumentCounts counts;
  std::uint64_t masked = 0;
  double seconds = 0;
};

/// The tokens before and after each document.
struct Frame {
  std::vector<std::uint32_t> before, after;
};

}  // namespace

std::uint32_t end_of_text(const text::Tokenizer& tokenizer, const PrepareOptions& options) {
  if (!options.end_of_text.empty()) {
    if (const auto end = tokenizer.id_of(options.end_of_text)) return *end;
    throw base::InputError(base::str("tokenizer ", options.tokenizer, " has no token ", options.end_of_text));
  }
  if (const auto end = tokenizer.end_of_text()) return *end;
  const bool wraps = !options.special_tokens && !tokenizer.wrapping().after.empty();
  throw base::InputError(base::str("tokenizer ", options.tokenizer,
                                   " has no end-of-text token that we know: name it with --end-of-text TOKEN",
                                   wraps ? ", or end documents as its post-processor does with --special-tokens" : ""));
}

namespace {

Frame frame_of(const text::Tokenizer& tokenizer, const PrepareOptions& options) {
  const text::Wrapping& wrapping = tokenizer.wrapping();
  if (!options.special_tokens) return {{}, {end_of_text(tokenizer, options)}};
  if (wrapping.empty()) {
    throw base::InputError(base::str("tokenizer ", options.tokenizer,
                                     " has no post-processor that adds special tokens: leave --special-tokens out"));
  }
  if (wrapping.after.empty()) return {wrapping.before, {end_of_text(tokenizer, options)}};
  if (!options.end_of_text.empty() && tokenizer.id_of(options.end_of_text) != wrapping.after.back()) {
    throw base::InputError("--special-tokens ends each document already: leave --end-of-text out");
  }
  return {wrapping.before, wrapping.after};
}

text::DocumentReaderOptions reader_options(const PrepareOptions& options, const text::Tokenizer& tokenizer) {
  text::DocumentReaderOptions reading = options.reading.reader();
  reading.prompt_field = options.prompt_field;
  reading.replace_invalid_utf8 = options.invalid_utf8 == "replace";
  reading.cut = tokens::text_cut(tokenizer.definition());
  return reading;
}

}  // namespace

unsigned thread_count(const PrepareOptions& options) {
  if (options.threads > 0) return static_cast<unsigned>(options.threads);
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return static_cast<unsigned>(CPU_COUNT(&mask));
}

namespace {

/// Writes a piece of a document and what belongs around it. Tokens before a prompt count as little as the prompt.
std::uint64_t write_piece(const tokens::EncodedPiece& piece, const Frame& frame, tokens::SplitWriter& writer,
                          std::uint64_t& masked) {
  const std::uint64_t before = piece.begins ? frame.before.size() : 0, after = piece.ends ? frame.after.size() : 0;
  if (piece.begins) {
    writer.begin_document(piece.hash);
    writer.append(frame.before, piece.prompt.empty());
  }
  writer.append(piece.prompt, false);
  writer.append(piece.text, true);
  if (piece.ends) writer.append(frame.after, true);
  masked += piece.prompt.size() + (piece.prompt.empty() ? 0 : before);
  return before + piece.prompt.size() + piece.text.size() + after;
}

Run encode_all(text::DocumentReader& reader, const text::Tokenizer& tokenizer, const Frame& frame, unsigned threads,
               tokens::SplitWriter& writer) {
  Run run;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return base::seconds_since(start); };
  Progress progress(stderr, "preparing");
  tokens::EncodingPipeline pipeline(
      reader,
      [&](std::string_view text, text::TextPlace place, std::vector<std::uint32_t>& ids) {
        tokenizer.encode(text, ids, place);
      },
      threads);
  std::uint64_t written = 0;
  tokens::EncodedBlock block;
  while (pipeline.next(block)) {
    for (const tokens::EncodedPiece& piece : block.pieces) written += write_piece(piece, frame, writer, run.masked);
    run.counts += block.counts;
    const double speed = static_cast<double>(run.counts.text_bytes) / seconds();
    progress.update(block.consumed, reader.total(),
                    base::str(with_commas(written), " tokens, ", format_bytes(speed), "/s"));
  }
  progress.finish();
  run.seconds = seconds();
  return run;
}

}  // namespace

base::Json dataset_json(const std::string& path, const tokens::DatasetHeader& header) {
  base::Json json = {{"path", path},
                     {"tokens", header.token_count()},
                     {"documents", header.document_count()},
                     {"vocabulary", header.vocabulary},
                     {"end_of_text", header.end_of_text},
                     {"special_tokens", header.special_tokens != 0},
                     {"loss_mask", !header.packed() && header.loss_mask.bytes != 0},
                     {"bytes", header.file_bytes},
                     {"fingerprint", tokens::to_hex(header.fingerprint)},
                     {"tokenizer_hash", tokens::to_hex(header.tokenizer.digest)}};
  if (header.packed()) {
    json["samples"] = header.sample_count();
    json["sequence"] = header.sequence;
  }
  return json;
}

std::string dataset_line(const std::string& path, const tokens::DatasetHeader& header) {
  const std::uint64_t documents = header.document_count();
  return base::str(
      path, ": ", with_commas(header.token_count()), " tokens, ", with_commas(documents),
      documents == 1 ? " document" : " documents",
      header.packed()
          ? base::str(" in ", with_commas(header.sample_count()), " samples of ", with_commas(header.sequence))
          : "",
      ", vocabulary ", with_commas(header.vocabulary), ", ", format_bytes(static_cast<double>(header.file_bytes)));
}

namespace {

/// What the validation set got instead of whole documents.
std::string blocks_line(const std::vector<tokens::TokenRange>& blocks, std::uint64_t documents) {
  const std::uint64_t each = blocks.front().end - blocks.front().begin;
  const std::string what =
      blocks.size() == 1
          ? base::str("one block of ", with_commas(each), " tokens, number ", with_commas(blocks.front().begin), " on")
          : base::str(blocks.size(), " blocks of ", with_commas(each), " tokens from all over the text");
  const std::string why = documents < tokens::kFewDocuments
                              ? base::str("fewer than ", tokens::kFewDocuments, " documents are too few to divide")
                              : "no document's hash, or every one's, fell into it";
  return base::str("validation took ", what, ": ", why);
}

void print_summary(const PrepareOptions& options, const tokens::SplitResult& result, const Run& run) {
  if (options.json) {
    base::Json summary = {{"train", dataset_json(options.output, result.train)}};
    if (result.valid) summary["valid"] = dataset_json(options.valid_output, *result.valid);
    for (const tokens::TokenRange& block : result.valid_blocks) {
      summary["valid_blocks"].push_back({block.begin, block.end});
    }
    summary["documents"] = run.counts.documents;
    summary["empty_documents"] = run.counts.empty;
    summary["text_bytes"] = run.counts.text_bytes;
    summary["invalid_utf8_replaced"] = run.counts.replaced;
    summary["masked_tokens"] = run.masked;
    summary["seconds"] = run.seconds;
    base::answer_json(summary);
    return;
  }
  base::answer(dataset_line(options.output, result.train));
  const std::uint64_t tokens = result.train.token_count() + (result.valid ? result.valid->token_count() : 0);
  if (result.valid) base::answer(dataset_line(options.valid_output, *result.valid));
  if (!result.valid_blocks.empty()) base::answer(blocks_line(result.valid_blocks, run.counts.documents));
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, "%.2f bytes a token, %.1f s",
                static_cast<double>(run.counts.text_bytes) / static_cast<double>(tokens), run.seconds);
  base::answer(base::str("from ", format_bytes(static_cast<double>(run.counts.text_bytes)), " of text, ", numbers));
  if (run.masked > 0) base::answer(base::str(with_commas(run.masked), " prompt tokens carry no loss"));
  if (run.counts.empty > 0) base::answer(base::str(with_commas(run.counts.empty), " empty documents left out"));
  if (run.counts.replaced > 0) {
    base::answer(
        base::str("warning: ", with_commas(run.counts.replaced), " invalid UTF-8 sequences replaced by U+FFFD"));
  }
}

int verify(const PrepareOptions& options) {
  CleanupOnSignal cleanup;
  cleanup.watch({});
  base::PosixFileSystem files;
  for (const std::string& path : options.inputs) {
    const auto dataset = tokens::TokenDataset::open(files, path);
    const auto& header = dataset.header();
    Progress progress(stderr, "verifying");
    dataset.verify(
        [&](std::uint64_t done) { progress.update(done, header.file_bytes, format_bytes(static_cast<double>(done))); });
    progress.finish();
    if (options.json) {
      base::answer_json(dataset_json(path, header));
    } else {
      base::answer("intact: " + dataset_line(path, header));
    }
  }
  return base::kExitDone;
}

}  // namespace

int prepare_command(const Arguments& arguments) {
  PrepareOptions options;
  if (!parse_prepare(arguments, options)) return base::kExitDone;
  if (options.verify) return verify(options);
  check_prepare(options);
  if (options.chat) return prepare_chat(options);
  const tokens::SplitPaths places = options.places();
  base::PosixFileSystem files;
  const auto tokenizer = text::Tokenizer::load(options.tokenizer);
  const Frame frame = frame_of(tokenizer, options);
  const tokens::TokenizerRecord record{tokenizer.to_json(), tokenizer.vocabulary_size(), frame.after.back(),
                                       options.special_tokens};
  text::DocumentReader reader(files, options.inputs, reader_options(options, tokenizer));
  print_notes(reader);
  CleanupOnSignal cleanup;
  tokens::SplitWriter writer(files, places, record, !options.prompt_field.empty(), options.valid_fraction);
  cleanup.watch(writer.temporary_files());
  const Run run = encode_all(reader, tokenizer, frame, thread_count(options), writer);
  options.places();  // again: nothing may have come there meanwhile
  print_summary(options, writer.finish(), run);
  return base::kExitDone;
}

}  // namespace trireme::launcher
