// Trains byte-level BPE: the vocabulary and merges of Hugging Face's BpeTrainer with the full byte alphabet.
// Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", ACL 2016.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

struct TrainerOptions {
  std::size_t vocabulary = 0;                                   ///< tokens in all: special, 256 bytes, merges
  std::vector<std::string> special_tokens = {"<|endoftext|>"};  ///< they get the ids 0, 1, …
  std::string pattern = "gpt2";                                 ///< "gpt2" or "llama3"
  bool lines = false;    ///< split each line by itself, with its line end, as Hugging Face's train(files) does
  unsigned threads = 0;  ///< 0: one per core
  std::function<void(std::uint64_t)> on_bytes;              ///< bytes counted so far (any thread, serialised)
  std::function<void(std::size_t, std::size_t)> on_merges;  ///< merges done, merges wanted
};

/// Fills `text` with the next piece and returns true, or returns false at the end. Called by one thread at a time.
/// Each piece is split into words by itself, as each item of train_from_iterator() is.
using TextSource = std::function<bool(std::string& text)>;

struct TrainedTokenizer {
  TokenizerDefinition definition;
  std::uint64_t bytes = 0;  ///< bytes of text that were read
  std::uint64_t unique_words = 0;
};

/// Memory grows with the number of different words, not with the text. Fewer merges than asked for are learned
/// when the text has no more pairs. Throws InputError when `vocabulary` has no room for the bytes and special tokens.
TrainedTokenizer train_bpe(const TextSource& source, const TrainerOptions& options);

}  // namespace trireme::text
