#include "io/text/document_reader.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/error.hpp"
#include "io/text/file_documents.hpp"

namespace trireme::text {
namespace {

constexpr std::array<std::string_view, 2> kCompressed = {".gz", ".zst"};
constexpr std::array<std::string_view, 2> kJsonl = {".jsonl", ".ndjson"};
constexpr std::array<std::string_view, 3> kText = {".txt", ".text", ".md"};

template <std::size_t N>
bool ends_with_any(std::string_view name, const std::array<std::string_view, N>& endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

std::string_view without_compression(std::string_view name) {
  for (const std::string_view ending : kCompressed) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return name;
}

bool is_jsonl(const std::string& path, InputFormat format) {
  if (format != InputFormat::kByName) return format == InputFormat::kJsonl;
  return ends_with_any(without_compression(path), kJsonl);
}

void collect(base::FileSystem& files, const std::string& directory, std::vector<std::string>& found) {
  for (const std::string& name : files.list(directory)) {
    const std::string path = (std::filesystem::path(directory) / name).string();
    if (files.is_directory(path)) {
      collect(files, path, found);
    } else if (const auto plain = without_compression(name);
               ends_with_any(plain, kJsonl) || ends_with_any(plain, kText)) {
      found.push_back(path);
    }
  }
}

}  // namespace

DocumentCounts& DocumentCounts::operator+=(const DocumentCounts& other) {
  documents += other.documents;
  empty += other.empty;
  replaced += other.replaced;
  text_bytes += other.text_bytes;
  return *this;
}

std::vector<std::string> expand_inputs(base::FileSystem& files, const std::vector<std::string>& inputs) {
  std::vector<std::string> paths;
  for (const std::string& input : inputs) {
    if (input != "-" && !files.exists(input)) {
      throw base::InputError(base::str("input ", input, " does not exist: check the path"));
    }
    // "/." follows a symbolic link to a directory.
    if (input == "-" || !files.is_directory(std::filesystem::path(input) / ".")) {
      paths.push_back(input);
      continue;
    }
    const std::size_t before = paths.size();
    collect(files, input, paths);
    if (paths.size() == before) {
      throw base::InputError(base::str("directory ", input,
                                       " holds no file ending in .txt, .text, .md, .jsonl or .ndjson "
                                       "(also with .gz or .zst): name the files one by one"));
    }
  }
  if (std::count(paths.begin(), paths.end(), "-") > 1) {
    throw base::InputError("standard input (-) is named twice: name it once");
  }
  return paths;
}

DocumentReader::DocumentReader(base::FileSystem& files, std::vector<std::string> inputs, DocumentReaderOptions options)
    : files_(files), inputs_(expand_inputs(files, inputs)), options_(std::move(options)) {
  if (std::find(inputs_.begin(), inputs_.end(), "-") != inputs_.end()) return;
  for (const std::string& path : inputs_) {
    std::error_code code;
    const auto size = std::filesystem::file_size(path, code);
    if (!code) total_ += size;
  }
}

DocumentReader::~DocumentReader() = default;

std::uint64_t DocumentReader::consumed() const noexcept {
  return finished_bytes_ + (current_ ? current_->consumed() : 0);
}

bool DocumentReader::open_next() {
  if (next_input_ == inputs_.size()) return false;
  const std::string& path = inputs_[next_input_++];
  auto source = open_byte_source(files_, path);
  const std::string name = path == "-" ? "standard input" : path;
  if (is_jsonl(path, options_.format)) {
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
