// Scanners for the patterns that nearly every byte-level tokenizer uses. Each next() function tries the pattern's
// alternatives in their order; a comment gives the alternative.
#include <algorithm>

#include "io/text/split/splitter.hpp"

namespace trireme::text {
namespace {

constexpr std::uint8_t kOther = 0;
constexpr std::uint8_t kMask = kLetter | kNumber | kSpace;

struct AsciiClasses {
  std::uint8_t classes[128];
  constexpr AsciiClasses() : classes() {
    for (unsigned c = 0; c < 128; ++c) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      const bool space = c == ' ' || (c >= '\t' && c <= '\r');
      const bool number = c >= '0' && c <= '9';
      classes[c] = static_cast<std::uint8_t>(letter * kLetter + number * kNumber + space * kSpace);
    }
  }
};
constexpr AsciiClasses kAscii;

struct AsciiCases {
  std::uint8_t classes[128];
  constexpr AsciiCases() : classes() {
    for (unsigned c = 0; c < 128; ++c) {
      const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
      classes[c] = static_cast<std::uint8_t>(upper * kUpperKind + lower * kLowerKind);
    }
  }
};
constexpr AsciiCases kAsciiCases;

class Scanner : public Splitter {
 public:
  explicit Scanner(std::shared_ptr<const UnicodeClasses> classes) : classes_(std::move(classes)) {}

 protected:
  struct Character {
    std::uint8_t kind;
    std::uint32_t length;
  };

  Character at(const char* p) const {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {kAscii.classes[byte], 1};
    std::uint32_t length;
    const auto kind = static_cast<std::uint8_t>(classes_->at(p, length) & kMask);
    return {kind, length};
  }

  /// End of the run of characters of `kind` that begins at p.
  const char* run(const char* p, const char* end, std::uint8_t kind) const {
    while (p < end) {
      const Character next = at(p);
      if (next.kind != kind) break;
      p += next.length;
    }
    return p;
  }

  /// Whether the character at p is one of o200k's upper and lower kinds.
  Character case_at(const char* p) const {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {kAsciiCases.classes[byte], 1};
    std::uint32_t length;
    const auto kind = static_cast<std::uint8_t>(classes_->at(p, length) & (kUpperKind | kLowerKind));
    return {kind, length};
  }

  static bool line_end(char c) { return c == '\n' || c == '\r'; }

  /// \p{N}{1,most}, the first taken.
  const char* numbers(const char* p, const char* end, int most) const {
    for (int i = 1; i < most && p < end; ++i) {
      const Character next = at(p);
      if (next.kind != kNumber) break;
      p += next.length;
    }
    return p;
  }

  /// \s*[\r\n]+|\s+(?!\S)|\s+: up to the last line end of the run, if it has one.
  const char* lines_or_space(const char* p, const char* end) const {
    const char* const stop = run(p, end, kSpace);
    for (const char* q = stop; q > p; --q) {
      if (line_end(q[-1])) return q;
    }
    return white_space(p, end);
  }

  /// \s+(?!\S)|\s+ at a white-space character: all of the run at the end of the text, else all but its last
  /// character, unless it has only one.
  const char* white_space(const char* p, const char* end) const {
    const char* last = p;
    const char* q = p + at(p).length;
    while (q < end) {
      const Character next = at(q);
      if (next.kind != kSpace) return last == p ? q : last;
      last = q;
      q += next.length;
    }
    return q;
  }

  template <typename Next>
  static void fill(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths, Next next) {
    const char* p = text.data() + position;
    const char* const end = text.data() + text.size();
    const std::size_t before = lengths.size();
    lengths.resize(before + kWordsAtATime);
    std::uint32_t* out = lengths.data() + before;
    std::uint32_t* const out_end = out + kWordsAtATime;
    while (p < end && out < out_end) {
      const char* const q = next(p, end);
      *out++ = static_cast<std::uint32_t>(q - p);
      p = q;
    }
    lengths.resize(static_cast<std::size_t>(out - lengths.data()));
    position = static_cast<std::size_t>(p - text.data());
  }

 private:
  std::shared_ptr<const UnicodeClasses> classes_;
};

/// Length of s|t|re|ve|m|ll|d at p, or 0.
std::size_t contraction(const char* p, const char* end) {
  if (p == end) return 0;
  if (*p == 's' || *p == 't' || *p == 'm' || *p == 'd') return 1;
  if (end - p < 2) return 0;
  return (p[1] == 'e' && (*p == 'r' || *p == 'v')) || (p[0] == 'l' && p[1] == 'l') ? 2 : 0;
}

/// The same in any case; U+017F counts as an s.
std::size_t contraction_any_case(const char* p, const char* end) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (end - p >= 2 && p[0] == '\xC5' && p[1] == '\xBF') return 2;
  char folded[2] = {p < end ? lower(p[0]) : '\0', end - p >= 2 ? lower(p[1]) : '\0'};
  return contraction(folded, folded + std::min<std::ptrdiff_t>(2, end - p));
}

class Gpt2Scanner final : public Scanner {
 public:
  using Scanner::Scanner;
  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    fill(text, position, lengths, [this](const char* p, const char* end) { return next(p, end); });
  }

 private:
  const char* next(const char* p, const char* end) const {
    if (*p == '\'') {  // 's|'t|'re|'ve|'m|'ll|'d
      if (const std::size_t n = contraction(p + 1, end)) return p + 1 + n;
    }
    const Character first = at(p);
    if (*p == ' ' && p + 1 < end) {  // the space before \p{L}+, \p{N}+ or [^\s\p{L}\p{N}]+
      const Character second = at(p + 1);
      if (second.kind != kSpace) return run(p + 1 + second.length, end, second.kind);
    }
    if (first.kind == kSpace) return white_space(p, end);
    return run(p + first.length, end, first.kind);
  }
};

/// Llama-3's pattern and Qwen2's, which takes one number at a time.
class Llama3Scanner final : public Scanner {
 public:
  Llama3Scanner(std::shared_ptr<const UnicodeClasses> classes, int most_numbers)
      : Scanner(std::move(classes)), most_numbers_(most_numbers) {}
  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    fill(text, position, lengths, [this](const char* p, const char* end) { return next(p, end); });
  }

 private:
  const char* next(const char* p, const char* end) const {
    if (*p == '\'') {  // (?i:'s|'t|'re|'ve|'m|'ll|'d)
      if (const std::size_t n = contraction_any_case(p + 1, end)) return p + 1 + n;
    }
    const Character first = at(p);
    const char* const rest = p + first.length;
    if (first.kind == kLetter) return run(rest, end, kLetter);  // \p{L}+
    if (first.kind == kNumber) return numbers(rest, end, most_numbers_);
    if (rest < end && !line_end(*p)) {
      const Character second = at(rest);
      if (second.kind == kLetter) return run(rest + second.length, end, kLetter);  // [^\r\n\p{L}\p{N}]\p{L}+
      if (*p == ' ' && second.kind == kOther) return others(rest + second.length, end);
    }
    if (first.kind == kOther) return others(rest, end);
    return lines_or_space(p, end);
  }

  /// [^\s\p{L}\p{N}]+[\r\n]*, the first taken.
  const char* others(const char* p, const char* end) const {
    p = run(p, end, kOther);
    while (p < end && line_end(*p)) ++p;
    return p;
  }

  int most_numbers_;
};

class O200kScanner final : public Scanner {
 public:
  using Scanner::Scanner;
  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    fill(text, position, lengths, [this](const char* p, const char* end) { return next(p, end); });
  }

 private:
  const char* next(const char* p, const char* end) const {
    const Character first = at(p);
    const char* const rest = p + first.length;
    // [^\r\n\p{L}\p{N}]? may take the first character: tried with it, then without.
    const bool led = first.kind != kLetter && first.kind != kNumber && !line_end(*p) && rest < end;
    const char* word = led ? ends_lower(rest, end) : nullptr;
    if (!word) word = ends_lower(p, end);
    if (!word && led) word = begins_upper(rest, end);
    if (!word) word = begins_upper(p, end);
    if (word) return with_contraction(word, end);
    if (first.kind == kNumber) return numbers(rest, end, 3);
    if (*p == ' ' && rest < end) {
      const Character second = at(rest);
      if (second.kind == kOther) return others(rest + second.length, end);
    }
    if (first.kind == kOther) return others(rest, end);
    return lines_or_space(p, end);
  }

  const char* run_of(const char* p, const char* end, unsigned kind) const {
    while (p < end) {
      const Character next = case_at(p);
      if (!(next.kind & kind)) break;
      p += next.length;
    }
    return p;
  }

  /// End of [upper]*[lower]+ at p, or null. Characters of both kinds (such as 字) go to [upper]* first; where no
  /// lower one follows, the last of them is given back.
  const char* ends_lower(const char* p, const char* end) const {
    const char* behind_both = nullptr;
    while (p < end) {
      const Character next = case_at(p);
      if (!(next.kind & kUpperKind)) return next.kind & kLowerKind ? run_of(p, end, kLowerKind) : behind_both;
      p += next.length;
      if (next.kind & kLowerKind) behind_both = p;
    }
    return behind_both;
  }

  /// End of [upper]+[lower]* at p, or null.
  const char* begins_upper(const char* p, const char* end) const {
    const char* const upper = run_of(p, end, kUpperKind);
    return upper == p ? nullptr : run_of(upper, end, kLowerKind);
  }

  static const char* with_contraction(const char* p, const char* end) {
    if (p == end || *p != '\'') return p;
    const std::size_t n = contraction_any_case(p + 1, end);
    return n ? p + 1 + n : p;
  }

  /// [^\s\p{L}\p{N}]+[\r\n/]*, the first taken.
  const char* others(const char* p, const char* end) const {
    p = run(p, end, kOther);
    while (p < end && (line_end(*p) || *p == '/')) ++p;
    return p;
  }
};

}  // namespace

const char* const kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

const char* const kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kO200kPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::unique_ptr<Splitter> make_known_splitter(const std::string& pattern,
                                              std::shared_ptr<const UnicodeClasses> classes) {
  std::string spelled;  // the pattern with line ends instead of their escapes, as some files have it
  for (const char c : pattern) spelled += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
  if (spelled == kGpt2Pattern) return std::make_unique<Gpt2Scanner>(std::move(classes));
  if (spelled == kLlama3Pattern) return std::make_unique<Llama3Scanner>(std::move(classes), 3);
  if (spelled == kQwen2Pattern) return std::make_unique<Llama3Scanner>(std::move(classes), 1);
  if (spelled == kO200kPattern) return std::make_unique<O200kScanner>(std::move(classes));
  return nullptr;
}

std::unique_ptr<Splitter> make_splitter(const std::string& pattern, std::shared_ptr<const UnicodeClasses> classes) {
  std::unique_ptr<Splitter> known = make_known_splitter(pattern, std::move(classes));
  return known ? std::move(known) : make_oniguruma_splitter(pattern);
}

}  // namespace trireme::text
