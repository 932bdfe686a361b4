// trireme prepare --chat: conversations into samples for supervised fine-tuning.
#include <xxhash.h>

#include <chrono>
#include <ctime>
#include <set>
#include <utility>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/text/document_reader.hpp"
#include "io/text/file_documents.hpp"
#include "io/tokens/encoding_pipeline.hpp"
#include "io/tokens/packed_writer.hpp"
#include "launcher/commands/prepare_parts.hpp"
#include "launcher/console/cleanup_on_signal.hpp"
#include "launcher/console/format.hpp"
#include "launcher/console/progress.hpp"
#include "launcher/inference/chat_encoder.hpp"
#include "launcher/inference/conversation_line.hpp"
#include "launcher/inference/end_tokens.hpp"

namespace trireme::launcher {
namespace {

/// What the summary tells beyond the datasets themselves.
struct Run {
  text::DocumentCounts counts;
  double seconds = 0;
};

text::DocumentReaderOptions reader_options(const PrepareOptions& options) {
  text::DocumentReaderOptions reading = options.reading.reader();
  reading.format = text::InputFormat::kJsonl;
  reading.replace_invalid_utf8 = options.invalid_utf8 == "replace";
  return reading;
}

/// The messages of a line. Halves of surrogate pairs are replaced and counted, or refused.
base::Json messages_of(const std::string& line, const text::DocumentReaderOptions& reading, std::uint64_t& replaced) {
  std::uint64_t halves = 0;
  base::Json messages = conversation_of(line, halves);
  if (halves > 0 && !reading.replace_invalid_utf8) {
    throw base::InputError("it holds half of a surrogate pair (\\ud800 to \\udfff alone): no UTF-8 text has it");
  }
  replaced += halves;
  return messages;
}

/// Turns a line into ids, of which `sequence` are kept. `encoder` and `reading` must outlive the result.
tokens::EncodingPipeline::Convert converter(const ChatEncoder& encoder, const text::DocumentReaderOptions& reading,
                                            std::size_t sequence) {
  return [&, sequence](text::RawPiece& raw, tokens::EncodedBlock& block) {
    std::string line;
    std::size_t unused = 0;
    block.counts.replaced += text::append_text(raw.bytes, true, reading, raw.place, line, &unused);
    tokens::EncodedPiece piece;
    piece.hash = XXH3_64bits(line.data(), line.size());
    try {
      EncodedConversation encoded = encoder.encode(messages_of(line, reading, block.counts.replaced), sequence);
      piece.text = std::move(encoded.ids);
      piece.roles = std::move(encoded.roles);
    } catch (const base::InputError& error) {
      throw base::InputError(base::str(raw.place, ": ", error.what()));
    }
    ++block.counts.documents;
    block.counts.text_bytes += line.size();
    block.pieces.push_back(std::move(piece));
  };
}

/// What the dataset names as the tokenizer's end of text. Training does not read it: a conversation ends as its
/// template ends it.
std::uint32_t end_token(const ChatModel& model, const PrepareOptions& options) {
  if (!options.end_of_text.empty() || model.tokenizer.end_of_text()) return end_of_text(model.tokenizer, options);
  const std::set<std::uint32_t> ends = end_tokens(model.texts, model.tokenizer, true);
  const bool known = !ends.empty() && *ends.begin() < model.tokenizer.vocabulary_size();
  return known ? *ends.begin() : 0;
}

Run encode_all(text::DocumentReader& reader, const tokens::EncodingPipeline::Convert& convert, unsigned threads,
               tokens::PackedWriter& writer) {
  Run run;
  const auto start = std::chrono::steady_clock::now();
  Progress progress(stderr, "preparing");
  tokens::EncodingPipeline pipeline(reader, convert, threads);
  tokens::EncodedBlock block;
  while (pipeline.next(block)) {
    for (const tokens::EncodedPiece& piece : block.pieces) writer.add(piece.text, piece.roles, piece.hash);
    run.counts += block.counts;
    progress.update(block.consumed, reader.total(), with_commas(run.counts.documents) + " conversations");
  }
  progress.finish();
  run.seconds = base::seconds_since(start);
  return run;
}

void print_json(const PrepareOptions& options, const tokens::SplitResult& result, const tokens::PackedCounts& counts,
                const Run& run) {
  base::Json summary = {{"train", dataset_json(options.output, result.train)}};
  if (result.valid) summary["valid"] = dataset_json(options.valid_output, *result.valid);
  summary["documents"] = run.counts.documents;
  summary["cut_documents"] = counts.cut;
  summary["cut_tokens"] = counts.tokens_cut;
  summary["left_out_documents"] = counts.left_out;
  summary["documents_without_last_response"] = counts.last_lost;
  summary["invalid_utf8_replaced"] = run.counts.replaced;
  summary["seconds"] = run.seconds;
  base::answer_json(summary);
}

void print_filling(const std::string& path, const tokens::DatasetHeader& header) {
  const double room = static_cast<double>(header.sample_count()) * static_cast<double>(header.sequence);
  base::answer(base::str(path, ": samples are full to ",
                         static_cast<int>(100.0 * static_cast<double>(header.token_count()) / room), " %"));
}

void print_summary(const PrepareOptions& options, const tokens::SplitResult& result, const tokens::PackedCounts& counts,
                   const Run& run) {
  if (options.json) {
    print_json(options, result, counts, run);
    return;
  }
  base::answer(dataset_line(options.output, result.train));
  if (result.valid) base::answer(dataset_line(options.valid_output, *result.valid));
  print_filling(options.output, result.train);
  if (counts.cut > 0) {
    base::answer(base::str(with_commas(counts.cut), " conversations were longer than ", options.sequence,
                           " tokens and cut: ", with_commas(counts.tokens_cut), " tokens lost"));
  }
  if (counts.last_lost > 0) {
    base::answer(base::str(with_commas(counts.last_lost), " of these lost their last response: sft.loss = last has ",
                           "nothing to learn from them"));
  }
  if (counts.left_out > 0) {
    base::answer(base::str(with_commas(counts.left_out), " conversations left out: no response within the first ",
                           options.sequence, " tokens"));
  }
  if (run.counts.replaced > 0) {
    base::answer(
        base::str("warning: ", with_commas(run.counts.replaced), " invalid UTF-8 sequences replaced by U+FFFD"));
  }
}

}  // namespace

int prepare_chat(const PrepareOptions& options) {
  const tokens::SplitPaths places = options.places();
  base::PosixFileSystem files;
  const ChatModel model = find_chat_model(files, options.tokenizer);
  const ChatEncoder encoder(model, options.tokenizer, std::time(nullptr));
  const tokens::TokenizerRecord record{model.tokenizer.to_json(), model.tokenizer.vocabulary_size(),
                                       end_token(model, options)};
  const text::DocumentReaderOptions reading = reader_options(options);
  text::DocumentReader reader(files, options.inputs, reading);
  print_notes(reader);
  CleanupOnSignal cleanup;
  tokens::PackedWriter writer(
      files, places, record,
      {static_cast<std::uint64_t>(options.sequence), !options.no_packing, options.valid_fraction});
  cleanup.watch(writer.temporary_files());
  const Run run = encode_all(reader, converter(encoder, reading, static_cast<std::size_t>(options.sequence)),
                             thread_count(options), writer);
  options.places();  // again: nothing may have come there meanwhile
  print_summary(options, writer.finish(), writer.counts(), run);
  return base::kExitDone;
}

}  // namespace trireme::launcher
