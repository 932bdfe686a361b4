#include "io/text/model/merge_cuts.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/text/utf8.hpp"
#include "io/text/word_cache.hpp"

namespace trireme::text {
namespace {

constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

std::uint32_t first_character(std::string_view text) { return decode_code_point(text.data()).value; }

std::uint32_t last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return decode_code_point(text.data() + at).value;
}

/// Whether every character leaves a token. A dropped one would bring the marks on both of its sides together.
bool drops_nothing(const TokenizerDefinition& definition) {
  if (definition.unknown) return true;
  if (!definition.byte_fallback) return false;
  std::size_t bytes = 0;
  for (const auto& [spelling, id] : definition.vocabulary) {
    bytes += spelling.size() == 6 && spelling.starts_with("<0x") && spelling.ends_with('>');
  }
  return bytes >= 256;
}

}  // namespace

MergeCuts::MergeCuts(const TokenizerDefinition& definition, const std::string& mark) : characters_(0x110000) {
  applicable_ = definition.model == ModelKind::kBpe && !definition.byte_level && !definition.ignore_merges &&
                definition.continuing_prefix.empty() && definition.end_suffix.empty();
  if (!applicable_) return;
  for (const auto& [spelling, id] : definition.vocabulary) {
    if (spelling.empty()) continue;
    const CodePoint point = decode_code_point(spelling.data());
    if (point.length == spelling.size()) characters_[point.value] = true;
  }
  const std::uint32_t marked = first_character(mark);
  before_marks_ = has_token(marked) && drops_nothing(definition);
  if (definition.unknown && !definition.unknown->empty()) {
    // An unknown token that looks like marked text would stand where the text has none.
    before_marks_ &= first_character(*definition.unknown) != marked && last_character(*definition.unknown) != marked;
  }
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(2 * definition.merges.size(), 16));
  pairs_.assign(capacity, kEmpty);
  shift_ = static_cast<unsigned>(64 - std::countr_zero(capacity));
  for (const auto& [left, right] : definition.merges) {
    if (left.empty() || right.empty()) continue;
    const std::uint32_t end = last_character(left), begin = first_character(right);
    insert(std::uint64_t{end} << 32 | begin);
    if (begin == marked && end != marked) before_marks_ = false;
  }
}

bool MergeCuts::has_token(std::uint32_t character) const { return characters_[character]; }

void MergeCuts::insert(std::uint64_t pair) {
  std::size_t i = slot_of(pair);
  while (pairs_[i] != kEmpty && pairs_[i] != pair) i = (i + 1) & (pairs_.size() - 1);
  pairs_[i] = pair;
}

bool MergeCuts::between(std::uint32_t left, std::uint32_t right) const {
  if (!applicable_ || !has_token(left) || !has_token(right)) return false;
  const std::uint64_t pair = std::uint64_t{left} << 32 | right;
  for (std::size_t i = slot_of(pair); pairs_[i] != kEmpty; i = (i + 1) & (pairs_.size() - 1)) {
    if (pairs_[i] == pair) return false;
  }
  return true;
}

namespace {

class MarkSplitter final : public Splitter {
 public:
  MarkSplitter(std::string mark, bool each, std::optional<MergeCuts> cuts)
      : mark_(std::move(mark)), each_(each), cuts_(std::move(cuts)) {
    marks_ = each_ || (cuts_ && cuts_->before_marks());
  }

  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    const std::size_t enough = lengths.size() + kWordsAtATime;
    while (position < text.size() && lengths.size() < enough) {
      const std::size_t end = marks_ ? next_mark(text, position) : text.size();
      if (cuts_ && end - position > WordCache::kLongest) {
        cut(text.substr(position, end - position), lengths);
      } else {
        lengths.push_back(static_cast<std::uint32_t>(end - position));
      }
      position = end;
    }
  }

 private:
  bool mark_at(std::string_view text, std::size_t at) const { return text.compare(at, mark_.size(), mark_) == 0; }

  /// Where the word that begins at `begin` ends.
  std::size_t next_mark(std::string_view text, std::size_t begin) const {
    std::size_t at = begin;
    if (each_) {
      if (mark_at(text, at)) at += mark_.size();
    } else {
      while (at < text.size() && text[at] == mark_.front() && mark_at(text, at)) at += mark_.size();
    }
    while (at < text.size()) {
      const void* const found = std::memchr(text.data() + at, mark_.front(), text.size() - at);
      if (!found) return text.size();
      at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
      if (mark_at(text, at)) return at;
      ++at;
    }
    return text.size();
  }

  void cut(std::string_view word, std::vector<std::uint32_t>& lengths) const {
    std::size_t begin = 0;
    CodePoint left = decode_code_point(word.data());
    for (std::size_t at = left.length; at < word.size();) {
      const CodePoint right = decode_code_point(word.data() + at);
      if (cuts_->between(left.value, right.value)) {
        lengths.push_back(static_cast<std::uint32_t>(at - begin));
        begin = at;
      }
      left = right;
      at += right.length;
    }
    lengths.push_back(static_cast<std::uint32_t>(word.size() - begin));
  }

  std::string mark_;
  bool each_, marks_ = false;
  std::optional<MergeCuts> cuts_;
};

}  // namespace

std::unique_ptr<Splitter> make_mark_splitter(std::string mark, bool each, std::optional<MergeCuts> cuts) {
  return std::make_unique<MarkSplitter>(std::move(mark), each, std::move(cuts));
}

}  // namespace trireme::text
