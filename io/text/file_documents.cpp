#include "io/text/file_documents.hpp"

#include "base/error.hpp"
#include "io/text/utf8_repair.hpp"

namespace trireme::text {
namespace {

class PlainTextDocuments final : public FileDocuments {
 public:
  using FileDocuments::FileDocuments;

  bool next(DocumentPiece& piece) override {
    std::size_t end = find_end();
    if (!begun_ && pending_.empty()) {
      if (!finished_) ++counts_.empty;
      finished_ = true;
    }
    if (finished_) return false;
    piece.prompt.clear();
    piece.begins = !begun_;
    piece.ends = end == pending_.size() && ended_;
    if (piece.ends) {
      piece.text = std::move(pending_);
    } else {
      piece.text.assign(pending_, 0, end);
      pending_.erase(0, end);
    }
    if (!begun_) ++counts_.documents;
    begun_ = true;
    finished_ = piece.ends;
    counts_.text_bytes += piece.text.size();
    return true;
  }

 private:
  // Reads until the text may be cut, or the file ends. Searching starts again only after the text has doubled,
  // so text without any place to cut costs linear time.
  std::size_t find_end() {
    std::size_t wanted = options_.cut ? options_.piece_bytes : SIZE_MAX;
    for (;;) {
      while (!ended_ && pending_.size() < wanted) fill();
      if (ended_ && pending_.size() <= options_.piece_bytes) return pending_.size();
      if (!options_.cut) return pending_.size();
      const std::size_t cut = options_.cut(pending_);
      if (cut > 0) return cut;
      if (ended_) return pending_.size();
      wanted = 2 * pending_.size();
    }
  }
  void fill() {
    ended_ = !read_more(raw_, std::size_t{1} << 20);
    std::size_t unused = 0;
    append_text(raw_, ended_, pending_, &unused,
                base::str(" between bytes ", position_, " and ", position_ + raw_.size()));
    position_ += raw_.size() - unused;
    raw_.erase(0, raw_.size() - unused);
  }

  std::string raw_;      // bytes not yet turned into text: a character cut off
  std::string pending_;  // text not yet given out
  std::uint64_t position_ = 0;
  bool ended_ = false;
  bool begun_ = false;
  bool finished_ = false;
};

}  // namespace

bool FileDocuments::read_more(std::string& bytes, std::size_t wanted) {
  const std::size_t before = bytes.size();
  bytes.resize(before + wanted);
  const std::size_t got = source_->read(bytes.data() + before, wanted);
  bytes.resize(before + got);
  return got != 0;
}

void FileDocuments::append_text(std::string_view bytes, bool final, std::string& text, std::size_t* unused,
                                const std::string& place) {
  const std::uint64_t replaced = append_valid_utf8(bytes, final, text, unused);
  if (replaced != 0 && !options_.replace_invalid_utf8) {
    throw base::InputError(
        base::str(name_, place, " is not valid UTF-8: convert it, or let invalid bytes be replaced"));
  }
  counts_.replaced += replaced;
}

std::unique_ptr<FileDocuments> plain_text_documents(std::unique_ptr<ByteSource> source, std::string name,
                                                    const DocumentReaderOptions& options, DocumentCounts& counts) {
  return std::make_unique<PlainTextDocuments>(std::move(source), std::move(name), options, counts);
}

}  // namespace trireme::text
