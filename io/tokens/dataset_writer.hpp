// Writes a token dataset (docs/token_dataset.md) token by token, in bounded memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/dataset_format.hpp"
#include "io/tokens/digest.hpp"
#include "io/tokens/spool.hpp"

namespace trireme::tokens {

/// What a dataset records about its tokenizer.
struct TokenizerRecord {
  std::string json;  ///< bytes of the tokenizer.json
  std::uint64_t vocabulary = 0;
  std::uint32_t end_of_text = 0;
  bool special_tokens = false;  ///< documents are wrapped as the tokenizer's post-processor does
};

/// Tokens [begin, end) of a dataset.
struct TokenRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Writes to temporary files beside `path` ("<path>.….tmp"), which the destructor removes; finish() makes `path` appear
/// as a whole. Not thread-safe. Throws base::IoError for what the disk refuses.
class DatasetWriter {
 public:
  /// `files` must outlive this object. Throws base::InputError when the directory of `path` is missing or not writable.
  DatasetWriter(base::FileSystem& files, const std::string& path, TokenizerRecord tokenizer, bool with_loss_mask)
      : DatasetWriter(files, path, std::move(tokenizer), with_loss_mask, 0) {}
  /// Writes format 2: samples of at most `sequence` (> 0) tokens, and roles. Errors as above.
  static DatasetWriter packed(base::FileSystem& files, const std::string& path, TokenizerRecord tokenizer,
                              std::uint64_t sequence) {
    return {files, path, std::move(tokenizer), true, sequence};
  }
  DatasetWriter(DatasetWriter&&) noexcept = default;

  /// Begins a document with the next token.
  void begin_document();
  /// Appends tokens to the open document; `counts` says for all of them whether they are targets. Throws base::Error
  /// for an id that is not below the vocabulary.
  void append(std::span<const std::uint32_t> ids, bool counts = true);

  /// Format 2: begins a sample with the next document. Whoever calls it keeps a sample within its tokens.
  void begin_sample();
  /// Format 2: appends tokens, each with its role (tokens::Role). Errors as above.
  void append(std::span<const std::uint32_t> ids, std::span<const std::uint8_t> roles);

  std::uint64_t tokens() const noexcept { return tokens_.size(); }
  std::uint64_t documents() const noexcept { return offsets_.size(); }

  std::vector<std::string> temporary_files() const;

  /// The position at which each document begins.
  std::vector<std::uint64_t> offsets();
  /// Moves the tokens of these ranges, which must increase and not overlap, to the end of `to`, in their order. When a
  /// document is cut, each of its parts becomes a document of its own, on either side.
  void move_ranges(const std::vector<TokenRange>& ranges, DatasetWriter& to);

  /// Writes the rest, fsyncs and renames to `path`. There must be at least one document. The writer cannot be used
  /// afterwards.
  DatasetHeader finish(const std::string& path);

 private:
  DatasetWriter(base::FileSystem& files, const std::string& path, TokenizerRecord tokenizer, bool with_loss_mask,
                std::uint64_t sequence);
  void append_tokens(std::span<const std::uint32_t> ids);
  void shrink(std::uint64_t tokens);

  TokenizerRecord tokenizer_;
  std::uint32_t token_bytes_;
  Spool tokens_;
  Spool offsets_;
  std::optional<Spool> mask_;         // the loss mask, or roles
  std::optional<Spool> samples_;      // format 2: the first document of each sample
  std::uint64_t sequence_ = 0;        // format 2: tokens of a sample
  std::optional<Digester> digester_;  // digest of all tokens so far; empty once tokens were moved away
  std::vector<char> narrow_;          // buffer, reused
};

}  // namespace trireme::tokens
