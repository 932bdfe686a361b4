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
  /// `name` is for messages. `counts` and `options` must outlive this object.
  FileDocuments(std::unique_ptr<ByteSource> source, std::string name, const DocumentReaderOptions& options,
                DocumentCounts& counts)
      : source_(std::move(source)), name_(std::move(name)), options_(options), counts_(counts) {}
  FileDocuments(const FileDocuments&) = delete;
  FileDocuments& operator=(const FileDocuments&) = delete;
  virtual ~FileDocuments() = default;

  /// The next piece of this file; false at its end.
  virtual bool next(DocumentPiece& piece) = 0;
  std::uint64_t consumed() const { return source_->consumed(); }

 protected:
  /// Appends up to `wanted` more bytes of the file to `bytes`; false when the file has ended.
  bool read_more(std::string& bytes, std::size_t wanted);
  /// Appends valid UTF-8 made of `bytes`, counting or refusing what is invalid ("FILE<place> …").
  void append_text(std::string_view bytes, bool final, std::string& text, std::size_t* unused,
                   const std::string& place);

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  const DocumentReaderOptions& options_;
  DocumentCounts& counts_;
};

/// A plain text file: one document.
std::unique_ptr<FileDocuments> plain_text_documents(std::unique_ptr<ByteSource> source, std::string name,
                                                    const DocumentReaderOptions& options, DocumentCounts& counts);

/// JSON lines: one document per line; blank lines are skipped.
std::unique_ptr<FileDocuments> jsonl_documents(std::unique_ptr<ByteSource> source, std::string name,
                                               const DocumentReaderOptions& options, DocumentCounts& counts);

}  // namespace trireme::text
