#include "io/text/bpe_trainer.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/error.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/utf8.hpp"
#include "io/text/word_counter.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;

constexpr std::uint64_t pair_key(std::uint32_t left, std::uint32_t right) { return std::uint64_t{left} << 32 | right; }

/// A hash map from a pair to a number, with open addressing; grows as needed.
template <typename Value>
class PairMap {
 public:
  PairMap() : slots_(1 << 12) {}

  Value& operator[](std::uint64_t pair) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slots_[place(pair)];
    if (slot.pair == kNone) {
      slot.pair = pair;
      ++size_;
    }
    return slot.value;
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t pair = kNone;
    Value value{};
  };

  std::size_t place(std::uint64_t pair) const {
    std::size_t i = (pair * 0x9E3779B97F4A7C15ULL >> 20) & (slots_.size() - 1);
    while (slots_[i].pair != kNone && slots_[i].pair != pair) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.pair != kNone) slots_[place(slot.pair)] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

/// A pair that may be merged next, and the words that hold it. `count` may be out of date (too high).
struct Candidate {
  std::int64_t count;
  std::uint64_t pair;
  std::vector<std::uint32_t> words;

  /// Orders the queue: a smaller count is later, and of equal counts the larger pair.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
 public:
  explicit Trainer(const TrainerOptions& options) : options_(options) {}

  TokenizerDefinition train(const WordTable& words) {
    make_alphabet();
    read_words(words);
    collect_pairs();
    merge_pairs();
    return finish();
  }

 private:
  struct Word {
    std::size_t offset;
    std::uint32_t length;
    std::int64_t count;
  };

  std::uint32_t add_token(const std::string& spelling) {
    const auto [place, added] = ids_.emplace(spelling, static_cast<std::uint32_t>(tokens_.size()));
    if (added) tokens_.push_back(spelling);
    return place->second;
  }

  /// Adds the special tokens, then the 256 characters in the order of their code points.
  void make_alphabet() {
    for (const std::string& special : options_.special_tokens) {
      if (special.empty() || find_malformed_utf8(special) != special.size()) {
        throw InputError("a special token is empty or not UTF-8; name each, like <|endoftext|>");
      }
      if (ids_.contains(special)) continue;
      AddedToken token;
      token.id = add_token(special);
      token.content = special;
      added_tokens_.push_back(std::move(token));
    }
    std::array<unsigned char, 256> bytes;
    for (unsigned i = 0; i < 256; ++i) bytes[i] = static_cast<unsigned char>(i);
    std::sort(bytes.begin(), bytes.end(),
              [](unsigned char a, unsigned char b) { return byte_character(a) < byte_character(b); });
    for (const unsigned char byte : bytes) {
      const char c = static_cast<char>(byte);
      byte_ids_[byte] = add_token(spell_bytes({&c, 1}));
    }
    if (options_.vocabulary < tokens_.size()) {
      throw InputError(str("a vocabulary of ", options_.vocabulary, " has no room for 256 bytes and ",
                           options_.special_tokens.size(), " special tokens; ask for at least ", tokens_.size()));
    }
  }

  void read_words(const WordTable& table) {
    words_.reserve(table.size());
    table.for_each([this](std::string_view word, std::uint64_t count) {
      words_.push_back({symbols_.size(), static_cast<std::uint32_t>(word.size()), static_cast<std::int64_t>(count)});
      for (const char c : word) symbols_.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    });
  }

  void collect_pairs() {
    PairMap<std::vector<std::uint32_t>> places;
    std::vector<std::uint64_t> pairs;
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      const std::uint32_t* const symbols = symbols_.data() + words_[w].offset;
      for (std::uint32_t i = 0; i + 1 < words_[w].length; ++i) {
        const std::uint64_t pair = pair_key(symbols[i], symbols[i + 1]);
        counts_[pair] += words_[w].count;
        std::vector<std::uint32_t>& where = places[pair];
        if (where.empty()) pairs.push_back(pair);
        if (where.empty() || where.back() != w) where.push_back(w);
      }
    }
    for (const std::uint64_t pair : pairs) queue_.push_back({counts_[pair], pair, std::move(places[pair])});
    std::make_heap(queue_.begin(), queue_.end());
  }

  Candidate pop() {
    std::pop_heap(queue_.begin(), queue_.end());
    Candidate best = std::move(queue_.back());
    queue_.pop_back();
    return best;
  }

  void push(Candidate candidate) {
    queue_.push_back(std::move(candidate));
    std::push_heap(queue_.begin(), queue_.end());
  }

  void merge_pairs() {
    const std::size_t first = tokens_.size(), wanted = options_.vocabulary - first;
    while (tokens_.size() < options_.vocabulary && !queue_.empty()) {
      Candidate best = pop();
      if (const std::int64_t count = counts_[best.pair]; best.count != count) {
        best.count = count;
        push(std::move(best));
        continue;
      }
      if (best.count < 1) break;
      const auto left = static_cast<std::uint32_t>(best.pair >> 32), right = static_cast<std::uint32_t>(best.pair);
      merges_.emplace_back(left, right);
      // Two merges may lead to one token; it then has the id of the earlier one.
      const std::uint32_t result = add_token(tokens_[left] + tokens_[right]);
      for (const std::uint32_t w : best.words) merge_in_word(w, left, right, result);
      for (const std::uint64_t pair : fresh_) {
        std::vector<std::uint32_t>& where = fresh_places_[pair];
        if (counts_[pair] > 0) push({counts_[pair], pair, std::move(where)});
        where = {};
      }
      fresh_.clear();
      if (options_.on_merges) options_.on_merges(tokens_.size() - first, wanted);
    }
  }

  void appear(std::uint32_t w, std::uint64_t pair) {
    counts_[pair] += words_[w].count;
    std::vector<std::uint32_t>& where = fresh_places_[pair];
    if (where.empty()) fresh_.push_back(pair);
    if (where.empty() || where.back() != w) where.push_back(w);
  }

  /// Merges from left to right. Updates the counts of neighbouring pairs; that of the merged pair stays, since nobody
  /// asks for it again.
  void merge_in_word(std::uint32_t w, std::uint32_t left, std::uint32_t right, std::uint32_t result) {
    Word& word = words_[w];
    std::uint32_t* const symbols = symbols_.data() + word.offset;
    std::uint32_t written = 0;
    for (std::uint32_t i = 0; i < word.length; ++i, ++written) {
      if (i + 1 == word.length || symbols[i] != left || symbols[i + 1] != right) {
        symbols[written] = symbols[i];
        continue;
      }
      if (written > 0) {
        counts_[pair_key(symbols[written - 1], left)] -= word.count;
        appear(w, pair_key(symbols[written - 1], result));
      }
      symbols[written] = result;
      ++i;
      if (i + 1 < word.length) {
        counts_[pair_key(right, symbols[i + 1])] -= word.count;
        appear(w, pair_key(result, symbols[i + 1]));
      }
    }
    word.length = written;
  }

  TokenizerDefinition finish() {
    TokenizerDefinition definition;
    for (std::uint32_t id = 0; id < tokens_.size(); ++id) definition.vocabulary.emplace_back(tokens_[id], id);
    for (const auto& [left, right] : merges_) definition.merges.emplace_back(tokens_[left], tokens_[right]);
    definition.added_tokens = std::move(added_tokens_);
    definition.use_gpt2_pattern = options_.pattern == "gpt2";
    if (!definition.use_gpt2_pattern) definition.splits.emplace_back(kLlama3Pattern);
    return definition;
  }

  const TrainerOptions& options_;
  std::vector<AddedToken> added_tokens_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::array<std::uint32_t, 256> byte_ids_{};
  std::vector<std::uint32_t> symbols_;  // the symbols of all words, end to end
  std::vector<Word> words_;
  PairMap<std::int64_t> counts_;
  std::vector<Candidate> queue_;  // a heap
  std::vector<std::pair<std::uint32_t, std::uint32_t>> merges_;
  PairMap<std::vector<std::uint32_t>> fresh_places_;
  std::vector<std::uint64_t> fresh_;  // pairs that the current merge made
};

}  // namespace

TrainedTokenizer train_bpe(const TextSource& source, const TrainerOptions& options) {
  if (options.pattern != "gpt2" && options.pattern != "llama3") {
    throw InputError(str("split pattern ", options.pattern, " is unknown; take gpt2 or llama3"));
  }
  TrainedTokenizer trained;
  const WordTable words = count_words(source, options, trained.bytes);
  trained.unique_words = words.size();
  trained.definition = Trainer(options).train(words);
  return trained;
}

}  // namespace trireme::text
