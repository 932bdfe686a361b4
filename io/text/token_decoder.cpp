#include "io/text/token_decoder.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "io/text/byte_level.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

using Kind = DecoderStep::Kind;

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  std::size_t at = from.empty() ? std::string::npos : text.find(from);
  if (at == std::string::npos) return text;
  std::string result;
  std::size_t taken = 0;
  for (; at != std::string::npos; at = text.find(from, taken)) {
    result.append(text, taken, at - taken).append(to);
    taken = at + from.size();
  }
  return result.append(text, taken);
}

/// The byte that "<0x0A>" stands for.
std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  unsigned byte = 0;
  const char* begin = token.data() + 3;
  if (*begin == '+') ++begin;  // Rust's numbers may have this sign
  const auto [stop, error] = std::from_chars(begin, token.data() + 5, byte, 16);
  if (error != std::errc() || stop != token.data() + 5) return std::nullopt;
  return static_cast<char>(byte);
}

/// The list is WordPiece's own, in its order.
std::string clean_up(std::string text) {
  if (text.find(' ') == std::string::npos) return text;
  constexpr std::string_view kPairs[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                            {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                            {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kPairs) text = replace_all(std::move(text), from, to);
  return text;
}

}  // namespace

TokenDecoder::TokenDecoder(const std::vector<DecoderStep>& steps) : steps_(steps), memories_(steps.size() + 1) {}

void TokenDecoder::push(std::string_view spelling, std::string& out) { feed(0, std::string(spelling), true, out); }

void TokenDecoder::finish(std::string& out) {
  for (std::size_t step = 0; step < steps_.size(); ++step) end(step, out);
  for (Memory& memory : memories_) memory = {};
}

void TokenDecoder::feed(std::size_t step, std::string text, bool begins, std::string& out) {
  if (step == steps_.size()) {
    out += text;
    return;
  }
  const DecoderStep& rule = steps_[step];
  Memory& memory = memories_[step];
  switch (rule.kind) {
    case Kind::kReplace: return feed(step + 1, replace_all(std::move(text), rule.pattern, rule.content), begins, out);
    case Kind::kJoin: return feed(step + 1, memory.tokens++ > 0 ? " " + text : std::move(text), begins, out);
    case Kind::kFuse: return feed(step + 1, std::move(text), memory.tokens++ == 0, out);
    case Kind::kByteLevel: return feed_byte_level(step, text, out);
    case Kind::kByteFallback: return feed_byte_fallback(step, std::move(text), out);
    case Kind::kStrip: return feed_strip(step, text, begins, out);
    case Kind::kWordPiece: return feed_word_piece(step, std::move(text), out);
    case Kind::kMetaspace: {
      if (begins) ++memory.tokens;
      const bool dropped = memory.tokens == 1 && rule.flag;
      return feed(step + 1, replace_all(std::move(text), rule.pattern, dropped ? "" : " "), begins, out);
    }
    case Kind::kBpe:  // the last token's suffix becomes nothing, so each one waits for the next
      if (memory.tokens++ > 0) feed(step + 1, replace_all(std::move(memory.held), rule.pattern, " "), true, out);
      memory.held = std::move(text);
      return;
  }
}

void TokenDecoder::feed_byte_level(std::size_t step, const std::string& text, std::string& out) {
  Memory& memory = memories_[step];
  const auto bytes = read_spelling(text);
  memory.held += bytes ? *bytes : text;
  std::string valid;
  std::size_t unused = 0;
  append_valid_utf8(memory.held, false, valid, &unused);
  memory.held.erase(0, memory.held.size() - unused);
  feed(step + 1, std::move(valid), memory.tokens++ == 0, out);
}

void TokenDecoder::feed_byte_fallback(std::size_t step, std::string text, std::string& out) {
  if (const std::optional<char> byte = fallback_byte(text)) {
    memories_[step].held.push_back(*byte);
    return;
  }
  end_byte_run(step, out);
  feed(step + 1, std::move(text), true, out);
}

/// A run of bytes that is no valid UTF-8 as a whole becomes one U+FFFD for each of its bytes.
void TokenDecoder::end_byte_run(std::size_t step, std::string& out) {
  const std::string run = std::exchange(memories_[step].held, "");
  if (run.empty()) return;
  if (find_malformed_utf8(run) == run.size()) return feed(step + 1, run, true, out);
  for (std::size_t i = 0; i < run.size(); ++i) feed(step + 1, "\xEF\xBF\xBD", true, out);
}

void TokenDecoder::feed_strip(std::size_t step, const std::string& text, bool begins, std::string& out) {
  const DecoderStep& rule = steps_[step];
  Memory& memory = memories_[step];
  if (begins) memory.left = rule.start;
  std::size_t cut = 0;
  while (memory.left > 0 && cut < text.size()) {
    if (text.compare(cut, rule.pattern.size(), rule.pattern) != 0) {
      memory.left = 0;
      break;
    }
    cut += rule.pattern.size();
    --memory.left;
  }
  feed(step + 1, text.substr(cut), begins, out);
}

void TokenDecoder::feed_word_piece(std::size_t step, std::string text, std::string& out) {
  const DecoderStep& rule = steps_[step];
  if (memories_[step].tokens++ > 0) {
    if (text.starts_with(rule.pattern)) {
      text.erase(0, rule.pattern.size());
    } else {
      text.insert(0, 1, ' ');
    }
  }
  feed(step + 1, rule.flag ? clean_up(std::move(text)) : std::move(text), true, out);
}

void TokenDecoder::end(std::size_t step, std::string& out) {
  Memory& memory = memories_[step];
  switch (steps_[step].kind) {
    case Kind::kByteLevel:
      if (!memory.held.empty()) feed(step + 1, "\xEF\xBF\xBD", false, out);  // one character that was cut off
      return;
    case Kind::kByteFallback: return end_byte_run(step, out);
    case Kind::kBpe:
      if (memory.tokens > 0) feed(step + 1, replace_all(std::move(memory.held), steps_[step].pattern, ""), true, out);
      return;
    default: return;
  }
}

std::string bytes_of_token(const std::vector<DecoderStep>& steps, std::string_view spelling) {
  std::string text(spelling);
  for (const DecoderStep& step : steps) {
    switch (step.kind) {
      case Kind::kByteLevel:
        if (auto bytes = read_spelling(text)) return *bytes;
        return text;
      case Kind::kReplace: text = replace_all(std::move(text), step.pattern, step.content); break;
      case Kind::kByteFallback:
        if (const auto byte = fallback_byte(text)) return {1, *byte};
        break;
      case Kind::kMetaspace: text = replace_all(std::move(text), step.pattern, " "); break;
      case Kind::kWordPiece:
        if (text.starts_with(step.pattern)) {
          text.erase(0, step.pattern.size());
        } else {
          text.insert(0, 1, ' ');
        }
        break;
      case Kind::kBpe: text = replace_all(std::move(text), step.pattern, " "); break;
      case Kind::kJoin: text.insert(0, 1, ' '); break;
      case Kind::kFuse:
      case Kind::kStrip: break;
    }
  }
  return text;
}

}  // namespace trireme::text
