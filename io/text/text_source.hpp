// A file opened for reading text: decompressed, and refused when it is something else.
#pragma once

#include <memory>
#include <string>

#include "io/text/decompression.hpp"

namespace trireme::text {

/// How sure a refusal must be.
enum class ContentCheck {
  kNone,     ///< nothing is refused
  kCertain,  ///< what begins as a known binary format does (known_binary)
  kLikely    ///< also what has the proportions of one (likely_binary)
};

/// open_raw_source, decompressed() and the judgement of content_kind.hpp, whatever the name and whether it is a file or
/// a pipe. Bytes come as they are, a byte order mark too. base::InputError besides theirs: content that `check`
/// refuses; a name that ends in .gz or .zst (in any case) for a file that holds neither.
std::unique_ptr<PeekSource> open_text_source(base::FileSystem& files, const std::string& path, ExpansionLimit limit,
                                             ContentCheck check);

}  // namespace trireme::text
