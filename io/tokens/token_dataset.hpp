// A token dataset on disk (docs/token_dataset.md). It is read by pread, so all jobs of a node share the page cache.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/dataset_format.hpp"

namespace trireme::tokens {

/// Immutable after open(); several threads may call const members at once.
class TokenDataset {
 public:
  /// Checks header, length and the tokenizer's bytes. Throws base::InputError in one sentence for a missing, foreign,
  /// damaged or cut-off file. The FileSystem need not outlive the dataset.
  static TokenDataset open(base::FileSystem& files, const std::string& path);

  const std::string& path() const noexcept { return path_; }
  std::uint64_t size() const noexcept { return header_.token_count(); }  ///< number of tokens
  std::uint64_t documents() const noexcept { return header_.document_count(); }
  std::uint64_t vocabulary() const noexcept { return header_.vocabulary; }
  std::int64_t end_of_text() const noexcept { return header_.end_of_text; }
  /// Format 2: samples are lists of documents, each token has a role.
  bool packed() const noexcept { return header_.packed(); }
  bool has_loss_mask() const noexcept { return header_.loss_mask.bytes != 0; }
  const std::string& tokenizer_json() const noexcept { return tokenizer_; }
  std::string tokenizer_hash() const { return to_hex(header_.tokenizer.digest); }
  std::string fingerprint() const { return to_hex(header_.fingerprint); }
  const DatasetHeader& header() const noexcept { return header_; }

  /// N = floor((size - 1) / sequence). Throws base::InputError naming the size and `sequence` when that is 0. Of
  /// format 2: the number of its samples; throws base::InputError naming both numbers when it has another sequence.
  std::uint64_t samples(std::int64_t sequence) const;
  /// Format 2 only: the positions at which the documents of sample `index` begin, and after them that of the sample's
  /// end. Throws base::InputError when they are not increasing, more than a sample's tokens, or leave tokens out before
  /// the first sample: the file is damaged.
  std::vector<std::uint64_t> documents_of(std::uint64_t index) const;

  /// Reads tokens [first, first + count) and, unless `mask` is null, whether each counts as a target (1 or 0; always 1
  /// without a loss mask). Throws base::InputError naming dataset and position for a token >= vocabulary, base::Error
  /// when the file has become shorter, base::IoError for a failed read.
  void read(std::uint64_t first, std::uint64_t count, std::int64_t* tokens, std::uint8_t* mask) const;
  /// Reads the loss mask only; of format 2, whether the token belongs to a response.
  void read_mask(std::uint64_t first, std::uint64_t count, std::uint8_t* mask) const;
  /// Format 2 only: reads the roles of tokens (tokens::Role). Errors as read(), with base::InputError for a byte that
  /// is no role.
  void read_roles(std::uint64_t first, std::uint64_t count, std::uint8_t* roles) const;

  /// Reads everything and compares all digests. Throws base::InputError naming the damaged part. `progress`, if set, is
  /// called occasionally with the bytes read so far.
  void verify(const std::function<void(std::uint64_t)>& progress = {}) const;

 private:
  TokenDataset(std::string path, std::unique_ptr<base::File> file, DatasetHeader header)
      : path_(std::move(path)), file_(std::move(file)), header_(header) {}
  void read_bytes(void* data, std::uint64_t bytes, std::uint64_t offset) const;
  /// Entries `first` to `first` + 1 of a list of offsets; behind the last one comes `end`.
  std::pair<std::uint64_t, std::uint64_t> range_in(const Section& offsets, std::uint64_t first,
                                                   std::uint64_t end) const;

  std::string path_;
  std::unique_ptr<base::File> file_;
  DatasetHeader header_;
  std::string tokenizer_;
};

}  // namespace trireme::tokens
