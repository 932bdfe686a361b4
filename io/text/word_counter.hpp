// Counts the different words of a text on all cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/bpe_trainer.hpp"
#include "io/text/split/splitter.hpp"

namespace trireme::text {

/// An open-addressing table of words and counts. It holds each different word once, plus 32 bytes for each.
class WordTable {
 public:
  WordTable() : slots_(1024) {}

  void add(std::string_view word, std::uint64_t count);
  std::size_t size() const noexcept { return size_; }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.word) visit(std::string_view(slot.word, slot.length), slot.count);
    }
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const char* word = nullptr;
    std::uint64_t length = 0, count = 0;
  };
  static constexpr std::size_t kBlock = std::size_t{1} << 20;

  void grow();
  const char* keep(std::string_view word);

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  std::deque<std::unique_ptr<char[]>> blocks_;
  std::size_t block_left_ = 0;
  char* block_next_ = nullptr;
};

/// Counts the words of all texts of `source`, split as the options say; stores the length of the text in `bytes`.
WordTable count_words(const TextSource& source, const TrainerOptions& options, std::uint64_t& bytes);

}  // namespace trireme::text
