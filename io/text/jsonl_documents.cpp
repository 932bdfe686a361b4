#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "io/text/file_documents.hpp"
#include "io/text/json_scanner.hpp"

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
  // Reads the next line, without its newline; valid until the next call.
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

  std::string bytes_;  // bytes that were read; those from used_ on are unused
  std::size_t used_ = 0;
  std::string text_;  // the line as valid UTF-8
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

/// What the members of one line's object say about one field.
struct Field {
  std::string_view name;
  std::optional<std::string_view> value = std::nullopt;  // as it is spelled

  void hear(std::string_view key, std::string_view spelled) {
    if (key == name) value = spelled;  // of two members with one name the last counts
  }
};

/// Writes the text of the field to `out`.
void take(const Field& field, const std::string& members, const RawPiece& raw, const DocumentReaderOptions& options,
          std::string& out, DocumentCounts& counts) {
  if (!field.value) {
    throw base::InputError(
        base::str(raw.place, " has no field \"", field.name, "\" (it has: ", members.substr(0, 200), ")"));
  }
  if (!field.value->starts_with('"')) {
    throw base::InputError(base::str(raw.place, ": field \"", field.name, "\" is not a string"));
  }
  out.clear();
  const std::size_t quote = field.value->rfind('"');
  const std::uint64_t halves = append_json_string(field.value->substr(1, quote - 1), out);
  if (halves > 0 && !options.replace_invalid_utf8) {
    throw base::InputError(
        base::str(raw.place, ": field \"", field.name,
                  "\" holds half of a surrogate pair (\\ud800 to \\udfff alone): no UTF-8 text has it"));
  }
  counts.replaced += halves;
}

}  // namespace

void parse_jsonl_line(const RawPiece& raw, const DocumentReaderOptions& options, DocumentPiece& piece,
                      DocumentCounts& counts) {
  std::string text, members, key;
  std::size_t unused = 0;
  counts.replaced += append_text(raw.bytes, true, options, raw.place, text, &unused);
  Field wanted{options.field}, prompt{options.prompt_field};
  const JsonText kind = scan_json(text, [&](std::string_view spelled, std::string_view value) {
    key.clear();
    append_json_string(spelled, key);
    wanted.hear(key, value);
    prompt.hear(key, value);
    if (members.size() < 200) members += (members.empty() ? "" : ", ") + key;
  });
  if (kind == JsonText::kMalformed) {
    throw base::InputError(base::str(raw.place, " is not valid JSON: each line must hold one JSON object"));
  }
  if (kind != JsonText::kObject) throw base::InputError(base::str(raw.place, " is not a JSON object"));
  take(wanted, members, raw, options, piece.text, counts);
  piece.prompt.clear();
  if (!options.prompt_field.empty()) take(prompt, members, raw, options, piece.prompt, counts);
}

std::unique_ptr<FileDocuments> jsonl_documents(std::unique_ptr<ByteSource> source, std::string name,
                                               const DocumentReaderOptions& options) {
  return std::make_unique<JsonlDocuments>(std::move(source), std::move(name), options);
}

}  // namespace trireme::text
