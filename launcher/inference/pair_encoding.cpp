#include "launcher/inference/pair_encoding.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/utf8.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

// Python's str.isspace(): bidirectional type WS, B or S, or category Zs.
bool is_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// The length of `text` without white space at its end.
std::size_t trimmed_length(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!is_space(text::decode_code_point(text.data() + begin).value)) break;
    end = begin;
  }
  return end;
}

// A token of tokenizer_config.json: a string, or an object with a "content".
std::optional<std::uint32_t> named_token(const text::Tokenizer& tokenizer, const base::Json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) return std::nullopt;
  const base::Json& value = config.at(key);
  const base::Json& content = value.is_object() && value.contains("content") ? value.at("content") : value;
  return content.is_string() ? tokenizer.id_of(content.get_ref<const std::string&>()) : std::nullopt;
}

void append(std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

PairEncoder::PairEncoder(const text::Tokenizer& tokenizer, bool special, std::optional<std::uint32_t> start,
                         std::int64_t sequence)
    : tokenizer_(tokenizer), special_(special), start_(start), sequence_(static_cast<std::size_t>(sequence)) {}

std::vector<std::uint32_t> PairEncoder::encoded(std::string_view text) const {
  std::vector<std::uint32_t> ids;
  const bool begun = start_ && text.starts_with(tokenizer_.token(*start_));
  if (special_ && !begun) ids = tokenizer_.wrapping().before;
  tokenizer_.encode(text, ids);
  return ids;
}

EncodedPair PairEncoder::encode(std::string_view context, std::string_view continuation) const {
  if (continuation.empty()) throw InputError("the continuation is empty");
  const std::size_t kept = trimmed_length(context);
  const std::string whole = std::string(context) + std::string(continuation);
  EncodedPair pair;
  std::vector<std::uint32_t> rest;
  if (kept == 0) {
    if (!start_) throw InputError("the context is empty, and the tokenizer has no token for the beginning of a text");
    pair.tokens = {*start_};
    tokenizer_.encode(whole, rest);
    if (rest.size() > 1 && rest.front() == *start_) rest.erase(rest.begin());
  } else {
    pair.tokens = encoded(context.substr(0, kept));
    const std::vector<std::uint32_t> both = encoded(whole);
    if (both.size() > pair.tokens.size()) rest.assign(both.begin() + std::ssize(pair.tokens), both.end());
  }
  if (rest.empty()) {
    throw InputError("the continuation has no tokens of its own behind the context: make it longer");
  }
  if (pair.tokens.empty()) throw InputError("the context has no tokens: make it longer, or leave it empty");
  if (rest.size() > sequence_) {
    throw InputError(
        str("the continuation has ", rest.size(), " tokens, and the model sees ", sequence_, ": make it shorter"));
  }
  pair.first = pair.tokens.size();
  append(pair.tokens, rest);
  if (pair.tokens.size() > sequence_ + 1) {
    pair.cut = pair.tokens.size() - sequence_ - 1;
    pair.tokens.erase(pair.tokens.begin(), pair.tokens.begin() + static_cast<std::ptrdiff_t>(pair.cut));
    pair.first -= pair.cut;
  }
  return pair;
}

std::optional<std::uint32_t> start_token(const text::Tokenizer& tokenizer,
                                         const std::map<std::string, std::string>& texts) {
  if (const auto config_text = texts.find("tokenizer_config.json"); config_text != texts.end()) {
    const base::Json config = base::Json::parse(config_text->second, nullptr, false);
    for (const char* key : {"bos_token", "eos_token"}) {
      if (const auto token = named_token(tokenizer, config, key)) return token;
    }
  }
  if (!tokenizer.wrapping().before.empty()) return tokenizer.wrapping().before.front();
  return tokenizer.end_of_text();
}

EncodedText encode_text(const text::Tokenizer& tokenizer, std::string_view text, const std::string* pair, bool special,
                        std::int64_t sequence) {
  const text::Wrapping none, &wrapping = special ? tokenizer.wrapping() : none;
  std::vector<std::uint32_t> first = tokenizer.encode(text), second;
  if (pair != nullptr) second = tokenizer.encode(*pair);
  const std::vector<std::uint32_t>& before = pair == nullptr ? wrapping.before : wrapping.pair_before;
  const std::vector<std::uint32_t>& behind = pair == nullptr ? wrapping.after : wrapping.between;
  const std::size_t around = before.size() + behind.size() + (pair == nullptr ? 0 : wrapping.pair_after.size());
  const std::size_t most = static_cast<std::size_t>(sequence), total = first.size() + second.size() + around;
  EncodedText result;
  if (total == 0) throw InputError("the text has no tokens");
  if (total > most) {
    if (pair != nullptr || around >= most) {
      throw InputError(str("the text has ", total, " tokens, and the model sees ", most, ": make it shorter"));
    }
    result.cut = total - most;
    first.resize(first.size() - result.cut);
  }
  result.tokens = before;
  append(result.tokens, first);
  append(result.tokens, behind);
  result.types.assign(result.tokens.size(), 0);
  if (pair == nullptr) return result;
  append(result.tokens, second);
  append(result.tokens, wrapping.pair_after);
  result.types.resize(result.tokens.size(), 1);
  return result;
}

}  // namespace trireme::launcher
