#include "io/text/file_documents.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

class PlainTextDocuments final : public FileDocuments {
 public:
  using FileDocuments::FileDocuments;

  bool next(RawPiece& raw) override {
    if (finished_) return false;
    const std::size_t end = find_end();
    raw = {};
    raw.place = name_;
    raw.begins = !begun_;
    raw.ends = finished_ = end == pending_.size() && ended_;
    if (raw.ends) {
      raw.bytes = std::move(pending_);
    } else {
      raw.bytes.assign(pending_, 0, end);
      pending_.erase(0, end);
    }
    raw.replaced = std::exchange(replaced_, 0);
    begun_ = true;
    return true;
  }

 private:
  // Reads until the text may be cut or the file ends. It searches again only after the text has doubled, so a text
  // without any place to cut costs linear time.
  std::size_t find_end() {
    std::size_t wanted = options_.cut ? options_.piece_bytes : SIZE_MAX;
    for (;;) {
      while (!ended_ && pending_.size() < wanted) {
        fill();
        if (!options_.cut) check_length(pending_.size(), name_);
      }
      if (ended_ && pending_.size() <= options_.piece_bytes) return pending_.size();
      if (!options_.cut) return pending_.size();
      const std::size_t cut = options_.cut(pending_);
      if (cut > 0) return cut;
      check_length(pending_.size(), name_);
      if (ended_) return pending_.size();
      wanted = std::min(2 * pending_.size(), options_.largest_document + 1);
    }
  }
  void fill() {
    ended_ = !read_more(raw_, std::size_t{1} << 20);
    std::size_t unused = 0;
    replaced_ += append_text(raw_, ended_, options_,
                             base::str(name_, " between bytes ", position_, " and ", position_ + raw_.size()), pending_,
                             &unused);
    position_ += raw_.size() - unused;
    raw_.erase(0, raw_.size() - unused);
  }

  std::string raw_;      // bytes not yet turned into text: a character cut off
  std::string pending_;  // text that was not returned yet
  std::uint64_t position_ = 0;
  std::uint64_t replaced_ = 0;
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

void FileDocuments::check_length(std::size_t bytes, const std::string& place) const {
  if (bytes <= options_.largest_document) return;
  throw base::InputError(base::str(place, " holds a document of more than ", options_.largest_document >> 20,
                                   " MiB that must be held in memory as a whole: divide it, or raise --max-document"));
}

std::uint64_t append_text(std::string_view bytes, bool final, const DocumentReaderOptions& options,
                          const std::string& place, std::string& text, std::size_t* unused) {
  const std::uint64_t replaced = append_valid_utf8(bytes, final, text, unused);
  if (replaced != 0 && !options.replace_invalid_utf8) {
    throw base::InputError(base::str(place, " is not valid UTF-8: convert it, or let invalid bytes be replaced"));
  }
  return replaced;
}

std::unique_ptr<FileDocuments> plain_text_documents(std::unique_ptr<ByteSource> source, std::string name,
                                                    const DocumentReaderOptions& options) {
  return std::make_unique<PlainTextDocuments>(std::move(source), std::move(name), options);
}

}  // namespace trireme::text
