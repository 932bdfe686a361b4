// Split patterns by Oniguruma, the library that Hugging Face tokenizers use.
#include <oniguruma.h>

#include <array>
#include <memory>
#include <mutex>

#include "base/error.hpp"
#include "io/text/pattern_rewriter.hpp"
#include "io/text/splitter.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;

// Hugging Face tokenizers stop, with a panic, at this many retries from one place of the text.
constexpr unsigned long kRetriesAtAPlace = 10'000'000;
// A search tries place after place: first with a small limit, and with the next where that was not enough. The limits
// that it needed beyond the first are counted as if it had used them up.
constexpr std::array<unsigned long, 3> kRetriesASearch = {20'000, 2'000'000, 200'000'000};
// For at most kWordsAtATime words: some ten seconds.
constexpr unsigned long kRetriesACall = 400'000'000;
constexpr unsigned int kStackEntries = 1U << 24;

const UChar* bytes(const char* p) { return reinterpret_cast<const UChar*>(p); }

std::string oniguruma_text(int code, OnigErrorInfo* info) {
  UChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = info ? onig_error_code_to_str(text, code, info) : onig_error_code_to_str(text, code);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
void free_region(OnigRegion* region) { onig_region_free(region, 1); }

using Pattern = std::unique_ptr<std::remove_pointer_t<OnigRegex>, Freer<onig_free>>;
using Region = std::unique_ptr<OnigRegion, Freer<free_region>>;
using Limits = std::unique_ptr<OnigMatchParam, Freer<onig_free_match_param>>;

Pattern compile(const std::string& pattern) {
  static std::mutex mutex;  // onig_new() is not thread-safe
  const std::lock_guard lock(mutex);
  static const int kReady = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    return onig_initialize(encodings, 1);
  }();
  if (kReady != ONIG_NORMAL) throw base::Error(str("Oniguruma does not start: ", oniguruma_text(kReady, nullptr)));
  const std::string rewritten = rewrite_pattern(pattern);
  OnigRegex made = nullptr;
  OnigErrorInfo info{};
  const int code = onig_new(&made, bytes(rewritten.data()), bytes(rewritten.data() + rewritten.size()),
                            ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_ONIGURUMA, &info);
  if (code != ONIG_NORMAL) {
    throw InputError(str("split pattern ", pattern, " is malformed: ", oniguruma_text(code, &info)));
  }
  return Pattern(made);
}

class OnigurumaSplitter final : public Splitter {
 public:
  explicit OnigurumaSplitter(const std::string& pattern) : pattern_(pattern), compiled_(compile(pattern)) {}

  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    Matcher matcher(*this);
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
  /// The state that one call of split() needs to match.
  class Matcher {
   public:
    explicit Matcher(const OnigurumaSplitter& splitter)
        : splitter_(splitter), region_(onig_region_new()), limits_(onig_new_match_param()) {
      if (!region_ || !limits_) throw std::bad_alloc();
      onig_initialize_match_param(limits_.get());
      onig_set_match_stack_limit_size_of_match_param(limits_.get(), kStackEntries);
      onig_set_retry_limit_in_match_of_match_param(limits_.get(), kRetriesAtAPlace);
    }

    bool find(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) {
      const UChar* const last = bytes(text.data() + text.size());
      int found = ONIG_MISMATCH;
      for (const unsigned long retries : kRetriesASearch) {
        if (retries > kRetriesASearch.front()) used_ += retries;
        if (used_ > kRetriesACall) break;
        onig_set_retry_limit_in_search_of_match_param(limits_.get(), retries);
        found = onig_search_with_param(splitter_.compiled_.get(), bytes(text.data()), last, bytes(text.data() + from),
                                       last, region_.get(), ONIG_OPTION_NONE, limits_.get());
        if (found != ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER) break;
      }
      if (found == ONIG_MISMATCH) return false;
      if (found < 0) fail(found, from);
      begin = static_cast<std::size_t>(region_->beg[0]);
      end = static_cast<std::size_t>(region_->end[0]);
      return true;
    }

   private:
    [[noreturn]] void fail(int code, std::size_t from) const {
      throw InputError(str("split pattern ", splitter_.pattern_, " was given up at byte ", from, " of a text (",
                           oniguruma_text(code, nullptr),
                           "): it tries too many ways to match there, simplify the pattern"));
    }

    const OnigurumaSplitter& splitter_;
    Region region_;
    Limits limits_;
    unsigned long used_ = 0;
  };

  std::string pattern_;
  Pattern compiled_;
};

}  // namespace

std::unique_ptr<Splitter> make_oniguruma_splitter(const std::string& pattern) {
  return std::make_unique<OnigurumaSplitter>(pattern);
}

}  // namespace trireme::text
