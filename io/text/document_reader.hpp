// Reads the documents of a list of inputs one after another: `prepare` turns them into tokens, `tokenizer train` learns
// from them.
//
// Inputs are file names, directories (input_files.hpp) or "-" (standard input); gzip and Zstandard are decompressed. A
// plain text file is one document. A JSONL file is one document per line; the text is one member of the line's object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "io/text/text_source.hpp"

namespace trireme::text {

class FileDocuments;

/// kAuto decides by the name's ending (input_files.hpp). Where that says nothing, or there is no name, the input is
/// JSONL when its first line is a JSON object, otherwise plain text.
enum class InputFormat { kAuto, kText, kJsonl };

struct DocumentReaderOptions {
  InputFormat format = InputFormat::kAuto;
  std::string field = "text";        ///< JSONL member that holds the text
  std::string prompt_field;          ///< JSONL member whose text precedes it; "" = none
  bool replace_invalid_utf8 = true;  ///< false: invalid UTF-8 is base::InputError naming file and byte or line
  ContentCheck check = ContentCheck::kLikely;  ///< which inputs are refused as no text
  ExpansionLimit expansion;                    ///< limit for compressed inputs
  /// The most bytes of a document that must be held whole (a JSONL line; text without a place to cut it).
  std::size_t largest_document = std::size_t{1} << 30;
  /// When `cut` is set, plain text longer than this many bytes comes in several pieces.
  std::size_t piece_bytes = std::size_t{4} << 20;
  /// Finds where a piece of plain text may end without changing the result. It gets valid UTF-8 and returns the largest
  /// such position below its length; 0 when there is none (then it is asked again with more text). When not set,
  /// documents always come whole, however large.
  std::function<std::size_t(std::string_view)> cut;
};

/// A document or a part of one, always valid UTF-8.
struct DocumentPiece {
  std::string prompt;  ///< only in the first piece
  std::string text;
  bool begins = true;  ///< first piece of its document
  bool ends = true;    ///< last piece of its document
};

struct DocumentCounts {
  std::uint64_t documents = 0;   ///< documents that were begun
  std::uint64_t empty = 0;       ///< documents without text, left out
  std::uint64_t replaced = 0;    ///< how many U+FFFD replace invalid UTF-8
  std::uint64_t text_bytes = 0;  ///< bytes of text and prompts that were returned

  DocumentCounts& operator+=(const DocumentCounts& other);
};

/// Bytes of a document that were read but not yet turned into text.
struct RawPiece {
  std::string bytes;  ///< a JSONL line, or valid plain text
  std::string place;  ///< "FILE:LINE" or "FILE", for messages
  bool jsonl = false;
  bool begins = true;
  bool ends = true;
  std::uint64_t replaced = 0;  ///< how many U+FFFD were already put into plain text
};

/// Reads sequentially in bounded memory (one JSONL line, or piece_bytes where `cut` finds places). Not thread-safe. A
/// byte order mark at the beginning of a file is left out. Errors name file and line: base::InputError (as of
/// expand_inputs and open_text_source; a line that is not a JSON object; a member that is missing or not a string; a
/// document larger than the options allow), base::IoError (failed read).
class DocumentReader {
 public:
  DocumentReader(base::FileSystem& files, const std::vector<std::string>& inputs, DocumentReaderOptions options = {});
  DocumentReader(const DocumentReader&) = delete;
  DocumentReader& operator=(const DocumentReader&) = delete;
  ~DocumentReader();

  /// Reads the next piece; returns false at the end. An empty plain text file or an empty text is not a document; it is
  /// counted.
  bool next(DocumentPiece& piece);
  const DocumentCounts& counts() const noexcept { return counts_; }  ///< counts everything that next() did

  /// Does the same in two steps, so that several threads can share the second: next_raw() reads in order; resolve()
  /// turns `raw` into text without touching the reader. resolve() uses up `raw`, adds to `counts`, and returns false
  /// for a document without text.
  bool next_raw(RawPiece& raw);
  bool resolve(RawPiece& raw, DocumentPiece& piece, DocumentCounts& counts) const;
  std::uint64_t consumed() const noexcept;                 ///< bytes read from the files themselves
  std::uint64_t total() const noexcept { return total_; }  ///< the sizes of all files; 0 when an input is a pipe
  /// What was left out of directories, one line each, for people.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  bool open_next();
  bool is_jsonl(const std::string& path, PeekSource& source) const;

  base::FileSystem& files_;
  std::vector<std::string> inputs_;
  std::vector<std::string> notes_;
  DocumentReaderOptions options_;
  std::size_t next_input_ = 0;
  std::unique_ptr<FileDocuments> current_;  // null between files
  DocumentCounts counts_;
  std::uint64_t finished_bytes_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace trireme::text
