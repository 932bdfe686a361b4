#include "launcher/inference/text_writer.hpp"

#include <utility>

namespace trireme::launcher {

TextWriter::TextWriter(const text::Tokenizer& tokenizer, const Prompt& prompt, const GenerationOptions& options,
                       Show show)
    : prompt_(prompt),
      options_(options),
      show_(std::move(show)),
      stream_(tokenizer, /*skip_special=*/true),
      stop_words_(options.stop_words) {
  if (!prompt.continues) return;
  for (const std::uint32_t token : prompt.tokens) stream_.push(token);
}

bool TextWriter::push(std::uint32_t token) {
  if (options_.ends.contains(token)) return end(StopReason::kEnd);
  completion_.tokens.push_back(token);
  add(stop_words_.push(stream_.push(token)));
  if (stop_words_.found()) return end(StopReason::kWord);
  return std::ssize(completion_.tokens) < prompt_.max_tokens || end(StopReason::kLength);
}

void TextWriter::stop() { end(StopReason::kStopped); }

void TextWriter::add(std::string_view text) {
  if (text.empty()) return;
  completion_.text += text;
  if (show_) show_(text);
}

bool TextWriter::end(StopReason reason) {
  add(stop_words_.push(stream_.finish()));
  add(stop_words_.finish());
  completion_.stop = stop_words_.found() ? StopReason::kWord : reason;
  return false;
}

}  // namespace trireme::launcher
