#include "io/text/document_reader.hpp"

#include <filesystem>
#include <utility>

#include "base/error.hpp"
#include "io/text/content_kind.hpp"
#include "io/text/file_documents.hpp"
#include "io/text/input_files.hpp"

namespace trireme::text {
namespace {

/// The total size of the files; 0 when one of them is not a regular file, whose size is unknown.
std::uint64_t total_bytes(const std::vector<std::string>& paths) {
  std::uint64_t total = 0;
  for (const std::string& path : paths) {
    std::error_code code;
    const auto size = is_standard_input(path) ? 0 : std::filesystem::file_size(path, code);
    if (is_standard_input(path) || code) return 0;
    total += size;
  }
  return total;
}

[[noreturn]] void refuse_json(const std::string& name, JsonShape shape) {
  const char* const what = shape == JsonShape::kArray ? " is one JSON array: write one object a line (jq -c '.[]'"
                           : shape == JsonShape::kObject
                               ? " is a JSON object over several lines: write it on one (jq -c ."
                               : " does not hold one JSON object a line: check it (jq -c .";
  throw base::InputError(base::str(name, what, " FILE > FILE.jsonl), or say --format text or jsonl"));
}

}  // namespace

DocumentCounts& DocumentCounts::operator+=(const DocumentCounts& other) {
  documents += other.documents;
  empty += other.empty;
  replaced += other.replaced;
  text_bytes += other.text_bytes;
  return *this;
}

DocumentReader::DocumentReader(base::FileSystem& files, const std::vector<std::string>& inputs,
                               DocumentReaderOptions options)
    : files_(files), options_(std::move(options)) {
  InputFiles expanded = expand_inputs(files, inputs);
  inputs_ = std::move(expanded.paths);
  notes_ = std::move(expanded.notes);
  total_ = total_bytes(inputs_);
}

DocumentReader::~DocumentReader() = default;

std::uint64_t DocumentReader::consumed() const noexcept {
  return finished_bytes_ + (current_ ? current_->consumed() : 0);
}

bool DocumentReader::is_jsonl(const std::string& path, PeekSource& source) const {
  if (options_.format != InputFormat::kAuto) return options_.format == InputFormat::kJsonl;
  const NamedKind named = named_kind(path);
  if (named == NamedKind::kText || named == NamedKind::kJsonl) return named == NamedKind::kJsonl;
  const std::string_view head = source.peek(kJudgedBytes);
  const JsonShape shape = json_shape(head, head.size() < kJudgedBytes);
  if (named == NamedKind::kJson && shape != JsonShape::kLines && !head.empty()) refuse_json(display_name(path), shape);
  return shape == JsonShape::kLines;
}

bool DocumentReader::open_next() {
  if (next_input_ == inputs_.size()) return false;
  const std::string& path = inputs_[next_input_++];
  auto source = open_text_source(files_, path, options_.expansion, options_.check);
  const std::string name = display_name(path);
  const bool jsonl = is_jsonl(path, *source);
  if (source->peek(kUtf8Mark.size()) == kUtf8Mark) {
    char mark[kUtf8Mark.size()];
    source->read(mark, sizeof mark);
  }
  if (jsonl) {
    current_ = jsonl_documents(std::move(source), name, options_);
  } else {
    if (!options_.prompt_field.empty()) {
      throw base::InputError(base::str(name, " is plain text and has no prompt field: prompts need JSONL input"));
    }
    current_ = plain_text_documents(std::move(source), name, options_);
  }
  return true;
}

bool DocumentReader::next_raw(RawPiece& raw) {
  for (;;) {
    if (!current_ && !open_next()) return false;
    if (current_->next(raw)) return true;
    finished_bytes_ += current_->consumed();
    current_.reset();
  }
}

bool DocumentReader::resolve(RawPiece& raw, DocumentPiece& piece, DocumentCounts& counts) const {
  if (raw.jsonl) {
    parse_jsonl_line(raw, options_, piece, counts);
  } else {
    counts.replaced += raw.replaced;
    piece.prompt.clear();
    piece.text = std::move(raw.bytes);
  }
  piece.begins = raw.begins;
  piece.ends = raw.ends;
  if (piece.text.empty() && piece.begins && piece.ends) {
    ++counts.empty;
    return false;
  }
  if (piece.begins) ++counts.documents;
  counts.text_bytes += piece.prompt.size() + piece.text.size();
  return true;
}

bool DocumentReader::next(DocumentPiece& piece) {
  RawPiece raw;
  while (next_raw(raw)) {
    if (resolve(raw, piece, counts_)) return true;
  }
  return false;
}

}  // namespace trireme::text
