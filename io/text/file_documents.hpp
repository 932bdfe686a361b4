// The documents of one open file; DocumentReader walks over the files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/text/byte_source.hpp"
#include "io/text/document_reader.hpp"

namespace trireme::text {

class FileDocuments {
 public:
  /// `name` is for messages. `options` must outlive this object.
  FileDocuments(std::unique_ptr<ByteSource> source, std::string name, const DocumentReaderOptions& options)
      : source_(std::move(source)), name_(std::move(name)), options_(options) {}
  FileDocuments(const FileDocuments&) = delete;
  FileDocuments& operator=(const FileDocuments&) = delete;
  virtual ~FileDocuments() = default;

  /// Reads the next piece of this file; returns false at its end.
  virtual bool next(RawPiece& raw) = 0;
  std::uint64_t consumed() const { return source_->consumed(); }

 protected:
  /// Appends up to `wanted` more bytes of the file to `bytes`; returns false when the file has ended.
  bool read_more(std::string& bytes, std::size_t wanted);
  /// Throws base::InputError when `bytes`, the length of the document at `place` so far, is more than may be held.
  void check_length(std::size_t bytes, const std::string& place) const;

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  const DocumentReaderOptions& options_;
};

/// Reads a plain text file: one document.
std::unique_ptr<FileDocuments> plain_text_documents(std::unique_ptr<ByteSource> source, std::string name,
                                                    const DocumentReaderOptions& options);

/// Reads JSON lines: one document per line; blank lines are skipped.
std::unique_ptr<FileDocuments> jsonl_documents(std::unique_ptr<ByteSource> source, std::string name,
                                               const DocumentReaderOptions& options);

/// Extracts text and prompt from a JSONL line. Throws base::InputError naming its place.
void parse_jsonl_line(const RawPiece& raw, const DocumentReaderOptions& options, DocumentPiece& piece,
                      DocumentCounts& counts);

/// Appends `bytes` as valid UTF-8, as append_valid_utf8 does. Throws base::InputError "<place> is not valid UTF-8 …"
/// where the options refuse invalid bytes. Returns the number of replacements.
std::uint64_t append_text(std::string_view bytes, bool final, const DocumentReaderOptions& options,
                          const std::string& place, std::string& text, std::size_t* unused);

}  // namespace trireme::text
