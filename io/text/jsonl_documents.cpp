#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/file_documents.hpp"

namespace trireme::text {
namespace {

class JsonlDocuments final : public FileDocuments {
 public:
  using FileDocuments::FileDocuments;

  bool next(RawPiece& raw) override {
    std::string_view line;
    while (read_line(line)) {
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      raw = {};
      raw.bytes = line;
      raw.place = base::str(name_, ":", number_);
      raw.jsonl = true;
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
      check_length(bytes_.size(), base::str(name_, ":", number_ + 1));
      const std::size_t wanted = std::max(std::size_t{1} << 20, bytes_.size());
      if (!ended_ && read_more(bytes_, std::min(wanted, options_.largest_document + 1 - bytes_.size()))) continue;
      ended_ = true;
      if (bytes_.empty()) return false;
      line = bytes_;
      used_ = bytes_.size();
      ++number_;
      return true;
    }
  }

  std::string bytes_;  // read and not yet used from used_ on
  std::size_t used_ = 0;
  std::string text_;  // the line as valid UTF-8
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

void take(const base::Json& object, const std::string& field, const std::string& place, std::string& out) {
  const auto member = object.find(field);
  if (member == object.end()) {
    std::string names;
    for (const auto& [key, value] : object.items()) names += (names.empty() ? "" : ", ") + key;
    throw base::InputError(base::str(place, " has no field \"", field, "\" (it has: ", names.substr(0, 200), ")"));
  }
  if (!member->is_string()) throw base::InputError(base::str(place, ": field \"", field, "\" is not a string"));
  out = member->get_ref<const std::string&>();
}

}  // namespace

void parse_jsonl_line(const RawPiece& raw, const DocumentReaderOptions& options, DocumentPiece& piece,
                      DocumentCounts& counts) {
  std::string text;
  std::size_t unused = 0;
  counts.replaced += append_text(raw.bytes, true, options, raw.place, text, &unused);
  const base::Json object = base::Json::parse(text, nullptr, false);
  if (object.is_discarded()) {
    throw base::InputError(base::str(raw.place, " is not valid JSON: each line must hold one JSON object"));
  }
  if (!object.is_object()) throw base::InputError(base::str(raw.place, " is not a JSON object"));
  take(object, options.field, raw.place, piece.text);
  piece.prompt.clear();
  if (!options.prompt_field.empty()) take(object, options.prompt_field, raw.place, piece.prompt);
}

std::unique_ptr<FileDocuments> jsonl_documents(std::unique_ptr<ByteSource> source, std::string name,
                                               const DocumentReaderOptions& options) {
  return std::make_unique<JsonlDocuments>(std::move(source), std::move(name), options);
}

}  // namespace trireme::text
