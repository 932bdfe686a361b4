#include "io/text/text_source.hpp"

#include "base/error.hpp"
#include "io/text/content_kind.hpp"
#include "io/text/input_files.hpp"

namespace trireme::text {

std::unique_ptr<PeekSource> open_text_source(base::FileSystem& files, const std::string& path, ExpansionLimit limit,
                                             ContentCheck check) {
  auto raw = std::make_unique<PeekSource>(open_raw_source(files, path));
  const PeekSource* const before = raw.get();
  const std::string name = display_name(path);
  auto source = decompressed(std::move(raw), name, limit);
  const bool was_compressed = source.get() != before;
  const std::string_view head = source->peek(kJudgedBytes);
  std::string refusal = check == ContentCheck::kNone ? "" : known_binary(head);
  if (!refusal.empty()) throw base::InputError(base::str(name, " ", refusal));
  if (!was_compressed && named_compressed(path)) {
    throw base::InputError(base::str(path,
                                     " is named as gzip or zstd data but holds neither: fetch it again, or "
                                     "rename it"));
  }
  if (check == ContentCheck::kLikely) refusal = likely_binary(head);
  if (!refusal.empty()) {
    throw base::InputError(base::str(name, " ", refusal, "; --any-content reads it all the same"));
  }
  return source;
}

}  // namespace trireme::text
