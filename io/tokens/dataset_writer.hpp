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

  /// Moves the documents i with `which[i]` to the end of `to`, keeping their order; which.size() == documents().
  void move_documents(const std::vector<bool>& which, DatasetWriter& to);
  /// Moves the last `count` tokens (1 <= count < tokens()) to `to`, which is empty. A document that is cut goes on
  /// there as its first.
  void move_tail(std::uint64_t count, DatasetWriter& to);

  /// Writes the rest, fsyncs and renames to `path`. At least one document. The writer is done then.
  DatasetHeader finish(const std::string& path);

 private:
  void copy_range(std::uint64_t first, std::uint64_t count, DatasetWriter& to);
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
