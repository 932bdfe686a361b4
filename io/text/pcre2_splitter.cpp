// Split patterns through PCRE2. Files write them for Oniguruma: the pattern is first rewritten construct by construct,
// and a construct that the two libraries read differently is refused.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>

#include "base/error.hpp"
#include "io/text/splitter.hpp"

namespace trireme::text {
namespace {

constexpr std::string_view kSpaceMembers =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

class PatternRewriter {
 public:
  explicit PatternRewriter(const std::string& pattern) : in_(pattern) {}

  std::string rewrite() {
    while (i_ < in_.size()) {
      const char c = in_[i_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        class_member(c);
      } else if (c == '[') {
        in_class_ = true;
        take(1);
        if (peek() == '^') take(1);
        if (peek() == ']') refuse("[]");
      } else if (c == '(' && peek(1) == '?') {
        group();
      } else if (c == '(' && peek(1) == '*') {
        refuse("(*");
      } else {
        take(1);
      }
    }
    return out_;
  }

 private:
  char peek(std::size_t ahead = 0) const { return i_ + ahead < in_.size() ? in_[i_ + ahead] : '\0'; }
  void take(std::size_t n) {
    out_.append(in_, i_, n);
    i_ += n;
  }
  [[noreturn]] void refuse(const std::string& construct) const {
    throw base::InputError(base::str("split pattern ", in_, " uses ", construct,
                                     ", which Trireme does not read as Hugging Face tokenizers do"));
  }

  void class_member(char c) {
    if (c == '[') refuse("[ inside [ ]");
    if (c == '&' && peek(1) == '&') refuse("&& inside [ ]");
    in_class_ = c != ']';
    take(1);
  }

  void group() {
    for (const std::string_view allowed : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"}) {
      if (in_.compare(i_, allowed.size(), allowed) == 0) return take(allowed.size());
    }
    refuse(in_.substr(i_, 3));
  }

  void escape() {
    const char c = peek(1);
    const std::string both = in_.substr(i_, 2);
    if (c == 's') {
      out_ += in_class_ ? std::string(kSpaceMembers) : base::str('[', kSpaceMembers, ']');
      i_ += 2;
    } else if (c == 'S') {
      if (in_class_) refuse("\\S inside [ ]");
      out_ += base::str("[^", kSpaceMembers, ']');
      i_ += 2;
    } else if (c == 'p' || c == 'P') {
      if (peek(2) != '{') refuse(both + " without braces");
      const std::size_t close = in_.find('}', i_);
      if (close == std::string::npos) refuse(both);
      take(close + 1 - i_);
    } else if (std::string_view("rntfdDx").find(c) != std::string_view::npos) {
      take(2);
    } else if (c == '\0' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      refuse(both);
    } else {
      take(2);
    }
  }

  const std::string& in_;
  std::string out_;
  std::size_t i_ = 0;
  bool in_class_ = false;
};

std::string pcre2_text(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

class Pcre2Splitter final : public Splitter {
 public:
  explicit Pcre2Splitter(const std::string& pattern) : pattern_(pattern) {
    const std::string rewritten = PatternRewriter(pattern).rewrite();
    const Owned<pcre2_compile_context, pcre2_compile_context_free> context(pcre2_compile_context_create(nullptr));
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rewritten.data()), rewritten.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &error, &offset, context.get()));
    if (!code_) throw base::InputError(base::str("split pattern ", pattern, " is malformed: ", pcre2_text(error)));
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT, pcre2_match interprets
  }

  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    const Matcher matcher(*this);
    std::size_t search = position;
    const std::size_t enough = lengths.size() + kWordsAtATime;
    const auto cut = [&](std::size_t end) {
      if (end > position) lengths.push_back(static_cast<std::uint32_t>(end - position));
      position = end;
    };
    while (position < text.size() && lengths.size() < enough) {
      std::size_t begin, end;
      if (search >= text.size() || !matcher.find(text, search, begin, end)) {
        cut(text.size());
        return;
      }
      cut(begin);
      cut(end);
      search = end > begin ? end : end + (end < text.size() ? decode_code_point(text.data() + end).length : 1);
    }
  }

 private:
  /// What one thread needs to match. Limits are lifted: no text is too long; where the JIT stack is too small the
  /// interpreter goes on from the heap.
  class Matcher {
   public:
    explicit Matcher(const Pcre2Splitter& splitter)
        : splitter_(splitter),
          data_(pcre2_match_data_create(1, nullptr)),
          context_(pcre2_match_context_create(nullptr)) {
      pcre2_set_match_limit(context_.get(), UINT32_MAX);
      pcre2_set_depth_limit(context_.get(), UINT32_MAX);
      pcre2_set_heap_limit(context_.get(), UINT32_MAX);
    }

    bool find(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) const {
      int found = match(text, from, PCRE2_NO_UTF_CHECK);
      if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(text, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
      if (found == PCRE2_ERROR_NOMATCH) return false;
      if (found < 0) throw base::Error(base::str("split pattern ", splitter_.pattern_, " failed: ", pcre2_text(found)));
      const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(data_.get());
      begin = ends[0];
      end = ends[1];
      return true;
    }

   private:
    int match(std::string_view text, std::size_t from, std::uint32_t options) const {
      return pcre2_match(splitter_.code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, options,
                         data_.get(), context_.get());
    }

    const Pcre2Splitter& splitter_;
    Owned<pcre2_match_data, pcre2_match_data_free> data_;
    Owned<pcre2_match_context, pcre2_match_context_free> context_;
  };

  std::string pattern_;
  Owned<pcre2_code, pcre2_code_free> code_;
};

}  // namespace

std::unique_ptr<Splitter> make_pcre2_splitter(const std::string& pattern) {
  return std::make_unique<Pcre2Splitter>(pattern);
}

}  // namespace trireme::text
