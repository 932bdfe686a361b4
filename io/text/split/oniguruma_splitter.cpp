// Split patterns by Oniguruma, the library that Hugging Face tokenizers use.
#include <oniguruma.h>

#include <array>
#include <memory>
#include <mutex>

#include "base/error.hpp"
#include "io/text/split/pattern_rewriter.hpp"
#include "io/text/split/splitter.hpp"
#include "io/text/split/text_matcher.hpp"

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

class OnigurumaSplitter final : public Splitter, public TextMatcher {
 public:
  explicit OnigurumaSplitter(const std::string& pattern) : pattern_(pattern), compiled_(compile(pattern)) {}

  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    Position at{position, position, SIZE_MAX};
    std::vector<TextSegment> segments;
    const std::size_t before = lengths.size();
    while (at.taken < text.size() && lengths.size() == before) {
      segments.clear();
      find(text, at, segments);
      for (const TextSegment& segment : segments) {
        if (segment.end > position) lengths.push_back(static_cast<std::uint32_t>(segment.end - position));
        position = segment.end;
      }
    }
  }

  void find(std::string_view text, Position& at, std::vector<TextSegment>& segments) const override {
    Search searcher(*this);
    const std::size_t enough = segments.size() + kWordsAtATime;
    while (segments.size() < enough) {
      std::size_t begin, end;
      // A text may end with an empty match.
      if (at.search > text.size() || !searcher.find(text, at.search, begin, end)) {
        if (at.taken < text.size()) segments.push_back({text.size(), false});
        at.taken = text.size();
        at.search = text.size() + 1;
        return;
      }
      at.search = end > begin ? end : end + (end < text.size() ? decode_code_point(text.data() + end).length : 1);
      if (begin == end && end == at.matched) continue;
      if (begin > at.taken) segments.push_back({begin, false});
      segments.push_back({end, true});
      at.taken = at.matched = end;
    }
  }

 private:
  /// The state that one call of find() needs to match.
  class Search {
   public:
    explicit Search(const OnigurumaSplitter& splitter)
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

std::unique_ptr<TextMatcher> make_pattern_matcher(const std::string& pattern) {
  return std::make_unique<OnigurumaSplitter>(pattern);
}

}  // namespace trireme::text
