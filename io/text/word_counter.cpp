#include "io/text/word_counter.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "io/text/utf8.hpp"
#include "io/text/word_cache.hpp"

namespace trireme::text {

void WordTable::add(std::string_view word, std::uint64_t count) {
  const std::uint64_t hash = WordCache::hash(word);
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = (hash >> 20) & mask;
  for (; slots_[i].word; i = (i + 1) & mask) {
    Slot& slot = slots_[i];
    if (slot.hash == hash && slot.length == word.size() && std::memcmp(slot.word, word.data(), word.size()) == 0) {
      slot.count += count;
      return;
    }
  }
  slots_[i] = {hash, keep(word), word.size(), count};
  if (++size_ * 2 > slots_.size()) grow();
}

void WordTable::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (!slot.word) continue;
    std::size_t i = (slot.hash >> 20) & (slots_.size() - 1);
    while (slots_[i].word) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
  }
}

const char* WordTable::keep(std::string_view word) {
  if (word.size() > block_left_) {
    block_left_ = std::max(kBlock, word.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_left_));
    block_next_ = blocks_.back().get();
  }
  char* const kept = block_next_;
  std::memcpy(kept, word.data(), word.size());
  block_next_ += word.size();
  block_left_ -= word.size();
  return kept;
}

namespace {

class Counting {
 public:
  Counting(const TextSource& source, const TrainerOptions& options)
      : source_(source),
        options_(options),
        splitter_(make_splitter(options.pattern == "llama3" ? kLlama3Pattern : kGpt2Pattern,
                                std::make_shared<UnicodeClasses>())) {}

  /// Does one thread's share.
  void work(WordTable& table) {
    std::string text, repaired;
    std::vector<std::uint32_t> lengths;
    try {
      while (read(text)) {
        std::string_view rest = replace_malformed_utf8(text, repaired);
        while (options_.lines && !rest.empty()) {
          const std::size_t line_end = rest.find('\n');
          const std::size_t length = line_end == std::string_view::npos ? rest.size() : line_end + 1;
          count(rest.substr(0, length), lengths, table);
          rest.remove_prefix(length);
        }
        if (!rest.empty()) count(rest, lengths, table);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      finished_ = true;
    }
  }

  std::uint64_t finish() {
    if (error_) std::rethrow_exception(error_);
    return bytes_;
  }

 private:
  bool read(std::string& text) {
    const std::lock_guard lock(mutex_);
    if (finished_ || !source_(text)) {
      finished_ = true;
      return false;
    }
    bytes_ += text.size();
    if (options_.on_bytes) options_.on_bytes(bytes_);
    return true;
  }

  void count(std::string_view text, std::vector<std::uint32_t>& lengths, WordTable& table) const {
    for (std::size_t position = 0; position < text.size();) {
      std::size_t begin = position;
      lengths.clear();
      splitter_->split(text, position, lengths);
      for (const std::uint32_t length : lengths) {
        table.add(text.substr(begin, length), 1);
        begin += length;
      }
    }
  }

  const TextSource& source_;
  const TrainerOptions& options_;
  std::unique_ptr<Splitter> splitter_;
  std::mutex mutex_;
  bool finished_ = false;
  std::uint64_t bytes_ = 0;
  std::exception_ptr error_;
};

}  // namespace

WordTable count_words(const TextSource& source, const TrainerOptions& options, std::uint64_t& bytes) {
  Counting counting(source, options);
  const unsigned threads = std::max(1U, options.threads ? options.threads : std::thread::hardware_concurrency());
  std::vector<WordTable> tables(threads);
  {
    std::vector<std::jthread> workers;
    for (unsigned t = 1; t < threads; ++t) workers.emplace_back([&, t] { counting.work(tables[t]); });
    counting.work(tables[0]);
  }
  bytes = counting.finish();
  for (unsigned t = 1; t < threads; ++t) {
    tables[t].for_each([&](std::string_view word, std::uint64_t count) { tables[0].add(word, count); });
    tables[t] = WordTable();
  }
  return std::move(tables[0]);
}

}  // namespace trireme::text
