#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/file_documents.hpp"

namespace trireme::text {
namespace {

class JsonlDocuments final : public FileDocuments {
 public:
  using FileDocuments::FileDocuments;

  bool next(DocumentPiece& piece) override {
    std::string_view line;
    while (read_line(line)) {
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      parse(line, piece);
      if (piece.text.empty()) {
        ++counts_.empty;
        continue;
      }
      piece.begins = piece.ends = true;
      ++counts_.documents;
      counts_.text_bytes += piece.prompt.size() + piece.text.size();
      return true;
    }
    return false;
  }

 private:
  // The next line without its newline; valid until the next call.
  bool read_line(std::string_view& line) {
    std::size_t searched = used_;
    for (;;) {
      const std::size_t newline = bytes_.find('\n', searched);
      if (newline != std::string::npos) {
        line = std::string_view(bytes_).substr(used_, newline - used_);
        used_ = newline + 1;
        ++number_;
        return true;
      }
      searched = bytes_.size() - used_;
      bytes_.erase(0, used_);
      used_ = 0;
      if (!ended_ && read_more(bytes_, std::max(std::size_t{1} << 20, bytes_.size()))) continue;
      ended_ = true;
      if (bytes_.empty()) return false;
      line = bytes_;
      used_ = bytes_.size();
      ++number_;
      return true;
    }
  }

  std::string place() const { return base::str(name_, ":", number_); }

  void parse(std::string_view line, DocumentPiece& piece) {
    text_.clear();
    std::size_t unused = 0;
    append_text(line, true, text_, &unused, base::str(":", number_));
    const base::Json object = base::Json::parse(text_, nullptr, false);
    if (object.is_discarded()) {
      throw base::InputError(base::str(place(), " is not valid JSON: each line must hold one JSON object"));
    }
    if (!object.is_object()) throw base::InputError(base::str(place(), " is not a JSON object"));
    take(object, options_.field, piece.text);
    piece.prompt.clear();
    if (!options_.prompt_field.empty()) take(object, options_.prompt_field, piece.prompt);
  }

  void take(const base::Json& object, const std::string& field, std::string& out) const {
    const auto member = object.find(field);
    if (member == object.end()) {
      std::string names;
      for (const auto& [key, value] : object.items()) names += (names.empty() ? "" : ", ") + key;
      throw base::InputError(base::str(place(), " has no field \"", field, "\" (it has: ", names.substr(0, 200), ")"));
    }
    if (!member->is_string()) throw base::InputError(base::str(place(), ": field \"", field, "\" is not a string"));
    out = member->get<std::string>();
  }

  std::string bytes_;  // read and not yet used from used_ on
  std::size_t used_ = 0;
  std::string text_;  // the line as valid UTF-8
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<FileDocuments> jsonl_documents(std::unique_ptr<ByteSource> source, std::string name,
                                               const DocumentReaderOptions& options, DocumentCounts& counts) {
  return std::make_unique<JsonlDocuments>(std::move(source), std::move(name), options, counts);
}

}  // namespace trireme::text
