// Writes a token dataset (docs/token_dataset.md) as its tokens come, in bounded memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/dataset_format.hpp"
#include "io/tokens/digest.hpp"
#include "io/tokens/spool.hpp"

namespace trireme::tokens {

/// What a dataset records of the tokenizer.
struct TokenizerRecord {
  std::string json;  ///< bytes of the tokenizer.json
  std::uint64_t vocabulary = 0;
  std::uint32_t end_of_text = 0;
};

/// Tokens [begin, end) of a dataset.
struct TokenRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Everything goes to temporary files beside `path` ("<path>.….tmp"), which are gone after destruction;
/// `path` itself appears whole, in finish(). Not thread-safe. base::IoError for what the disk refuses.
class DatasetWriter {
 public:
  /// `files` must outlive this object. base::InputError when the directory of `path` is missing or not writable.
  DatasetWriter(base::FileSystem& files, const std::string& path, TokenizerRecord tokenizer, bool with_loss_mask);
  DatasetWriter(DatasetWriter&&) noexcept = default;

  /// The next token starts a document.
  void begin_document();
  /// Tokens of the open document; `counts` says for all of them whether they are targets. Ids are below the
  /// vocabulary (else base::Error).
  void append(std::span<const std::uint32_t> ids, bool counts = true);

  std::uint64_t tokens() const noexcept { return tokens_.size(); }
  std::uint64_t documents() const noexcept { return offsets_.size(); }

  std::vector<std::string> temporary_files() const;

  /// Where document i begins, for all of them.
  std::vector<std::uint64_t> offsets();
  /// Moves the tokens of these ranges, which increase and do not overlap, to the end of `to`, keeping their order. What
  /// is left of a document that is cut becomes a document of its own, on either side.
  void move_ranges(const std::vector<TokenRange>& ranges, DatasetWriter& to);

  /// Writes the rest, fsyncs and renames to `path`. At least one document. The writer is done then.
  DatasetHeader finish(const std::string& path);

 private:
  void shrink(std::uint64_t tokens);

  base::FileSystem* files_;
  TokenizerRecord tokenizer_;
  std::uint32_t token_bytes_;
  Spool tokens_;
  Spool offsets_;
  std::optional<Spool> mask_;
  std::optional<Digester> digester_;  // of all tokens so far; empty once tokens were taken away
  std::vector<char> narrow_;          // reused
};

}  // namespace trireme::tokens
